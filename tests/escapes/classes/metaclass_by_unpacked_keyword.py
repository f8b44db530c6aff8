# tries: a metaclass by unpacked keywords, which a check by name does not see
# layer: language
class Made(**{"metaclass": lambda name, bases, body: body}):
    pass


def run(ctx, params):
    return f"ESCAPED: {list(Made)}"
