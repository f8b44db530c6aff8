# tries: a class pattern of a plain builtin with a keyword
# layer: language
def run(ctx, params):
    match "{0.__class__.__base__}":
        case str(format=write):
            return f"ESCAPED: {write(())}"
    return "held: no match"
