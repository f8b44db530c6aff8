# tries: a walk inside the format specification of a field
# layer: language
# plain: the walk shows up in a format specification, which plain Python refuses as well
def run(ctx, params):
    text = "{0:{1.__class__.__name__}}".format("x", "")
    return f"ESCAPED: {text}"
