# tries: str.format through super, which is no instance of str
# layer: language
class Text(str):
    def write(self, thing):
        return super().format(thing)


def run(ctx, params):
    return f"ESCAPED: {Text('{0.__class__.__base__}').write(())}"
