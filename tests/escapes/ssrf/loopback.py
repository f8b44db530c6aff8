# tries: the machine itself, by address
# layer: host
# grants: http
def run(ctx, params):
    return f"ESCAPED: {ctx.http_get('http://127.0.0.1/')}"
