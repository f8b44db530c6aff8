# tries: str.format through super(class, instance)
# layer: language
class Text(str):
    pass


def run(ctx, params):
    text = Text("{0.__class__.__base__}")
    return f"ESCAPED: {super(Text, text).format(())}"
