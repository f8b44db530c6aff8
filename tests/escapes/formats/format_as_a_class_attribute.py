# tries: str.format as an attribute of a class that is no str
# layer: language
class Writer:
    write = str.format


def run(ctx, params):
    return f"ESCAPED: {Writer.write('{0.__class__.__base__}', ())}"
