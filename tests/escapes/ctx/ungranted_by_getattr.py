# tries: a method that was not granted, by a name put together at run time
# layer: both
def run(ctx, params):
    return f"ESCAPED: {getattr(ctx, 'http' + '_get')('http://127.0.0.1/')}"
