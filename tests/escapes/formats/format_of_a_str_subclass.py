# tries: str.format inherited by a class of its own
# layer: language
class Text(str):
    pass


def run(ctx, params):
    text = Text("{0.__class__.__base__}").format(())
    return f"ESCAPED: {text}"
