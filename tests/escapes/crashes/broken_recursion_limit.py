# tries: lifting the recursion limit and running the stack into the guard page
# layer: kernel
import sys


def run(ctx, params):
    sys.setrecursionlimit(2**31 - 1)

    class Deep:
        def __getattr__(self, name):
            return getattr(self, name + "x")

    return f"ESCAPED: {Deep().x}"
