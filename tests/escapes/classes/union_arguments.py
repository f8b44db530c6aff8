# tries: the annotation of a parameter is evaluated
# layer: language
def run(ctx, params):
    found = []

    def helper(one: found.append(().__class__.__base__)) -> None:
        return None

    if not found:
        return "held: never evaluated"
    return f"ESCAPED: {found[0]}"
