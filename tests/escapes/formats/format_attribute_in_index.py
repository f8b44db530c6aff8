# tries: str.format with an index that hides the walk to the class
# layer: language
def run(ctx, params):
    text = "{0[0].__class__.__mro__}".format([()])
    return f"ESCAPED: {text}"
