# tries: the annotation of a variable in a class is evaluated
# layer: language
found = []


class Made:
    field: found.append(().__class__.__base__) = 1


def run(ctx, params):
    if not found:
        return "held: never evaluated"
    return f"ESCAPED: {found[0]}"
