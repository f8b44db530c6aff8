# tries: the walk inside an f-string with an equals sign, and inside its specification
# layer: language
def run(ctx, params):
    return f"ESCAPED: {().__class__.__base__=} {'x':>{len(().__class__.__mro__)}}"
