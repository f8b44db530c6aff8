# tries: the object behind a memoryview, and the address of an object
# layer: language
def run(ctx, params):
    return f"ESCAPED: {memoryview(b'x').obj} {id(run)}"
