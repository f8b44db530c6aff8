# tries: a target of an augmented assignment that is evaluated twice and answers differently
# layer: language
# plain: in plain Python the target is evaluated once as well
def run(ctx, params):
    seen = []

    def target():
        seen.append(1)
        return params if len(seen) > 1 else {"x": 1}

    target()["x"] += 1
    if len(seen) != 1:
        return "ESCAPED: the target was evaluated twice"
    return "held: once"
