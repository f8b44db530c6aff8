# tries: str.format handed to map, which calls it in C
# layer: language
def run(ctx, params):
    return f"ESCAPED: {list(map(str.format, ['{0.__class__.__base__}'], [()]))}"
