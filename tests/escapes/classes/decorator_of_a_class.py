# tries: a class decorator that reads the body of the class
# layer: language
def keep(cls):
    return cls.__dict__


@keep
class Made:
    pass


def run(ctx, params):
    return f"ESCAPED: {list(Made)}"
