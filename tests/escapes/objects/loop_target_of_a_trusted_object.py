# tries: writing to what may not be written to by the target of a loop, a with and an unpacking
# layer: language
# plain: only the guard makes ctx read-only
import json


def run(ctx, params):
    held = 0

    def by_loop():
        for ctx.topic in ["mine"]:
            pass

    def by_unpacking():
        one, *json.loads = [1, 2]

    def by_comprehension():
        return [0 for json.dumps in [1]]

    def by_nested_unpacking():
        [one, (two, json.loads)] = [1, (2, 3)]

    for attempt in (by_loop, by_unpacking, by_comprehension, by_nested_unpacking):
        try:
            attempt()
            return f"ESCAPED: {attempt}"
        except (AttributeError, TypeError):
            held += 1
    return f"held: {held}"
