# tries: a walk with a conversion
# layer: language
def run(ctx, params):
    text = "{0.__class__.__base__!r:>40}".format(())
    return f"ESCAPED: {text}"
