# tries: a class pattern with a keyword reads an attribute without the guard
# layer: language
def run(ctx, params):
    match run:
        case object(__globals__=found):
            return f"ESCAPED: {list(found)}"
    return "held: no match"
