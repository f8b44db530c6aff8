# tries: a form feed and a carriage return that hide a line from whoever counts lines
# layer: language
# expand: HIDE = "\r\f" * 1
def run(ctx, params):
    # harmless HIDE    return f"ESCAPED: {params.__class__.__base__}"
    return "held"
