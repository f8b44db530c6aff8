# tries: an allowed name that leads to the machine itself
# layer: host
# grants: http
def run(ctx, params):
    return f"ESCAPED: {ctx.http_get('http://inside.example.org/')}"
