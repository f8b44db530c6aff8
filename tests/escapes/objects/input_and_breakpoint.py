# tries: the builtins input and breakpoint
# layer: language
# plain: both only wait for a console that is not there
def run(ctx, params):
    breakpoint()
    return f"ESCAPED: {input()}"
