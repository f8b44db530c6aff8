# tries: a name with a public address and the machine's own
# layer: host
# grants: http
def run(ctx, params):
    return f"ESCAPED: {ctx.http_get('http://mixed.example.org/')}"
