# tries: the type of code by way of a function
# layer: language
def run(ctx, params):
    code = getattr(run, "__co" + "de__")
    kind = type(code)
    return f"ESCAPED: {kind}"
