# tries: a method that was not granted
# layer: both
def run(ctx, params):
    return f"ESCAPED: {ctx.http_get('http://127.0.0.1/')}"
