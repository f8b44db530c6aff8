# tries: replacing the child's own functions, for the answer to be something else
# layer: host
import sys


def run(ctx, params):
    child = sys.modules["ceos.sandbox.child"]
    child._plain = lambda value, depth=0: value
    child.wire.RESULT_BYTES = 1 << 30
    return {"x": "x" * 1_100_000}
