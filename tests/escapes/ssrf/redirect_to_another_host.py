# tries: an allowed host that redirects to one that is not
# layer: host
# grants: http
def run(ctx, params):
    return f"ESCAPED: {ctx.http_get('http://allowed.example.org/redirect-to-another-host')}"
