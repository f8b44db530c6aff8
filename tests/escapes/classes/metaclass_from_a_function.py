# tries: any callable as metaclass
# layer: language
class Made(metaclass=lambda name, bases, body: body):
    pass


def run(ctx, params):
    return f"ESCAPED: {list(Made)}"
