# tries: import builtins
# layer: language
import builtins


def run(ctx, params):
    return f"ESCAPED: {builtins.open}"
