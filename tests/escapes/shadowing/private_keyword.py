# tries: a keyword argument with the name of a guard, gathered into a dict and given on
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    def gather(**options):
        return options

    return f"ESCAPED: {gather(_getattr_=1)}"
