# tries: the modules that do harm, one after the other, by import
# layer: language
def run(ctx, params):
    import sys

    return f"ESCAPED: {list(sys.modules)[:5]}"
