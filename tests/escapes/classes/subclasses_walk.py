# tries: the classic walk: every class that is loaded
# layer: language
def run(ctx, params):
    classes = ().__class__.__base__.__subclasses__()
    return f"ESCAPED: {len(classes)} classes"
