# tries: an allowed host that redirects to the machine itself
# layer: host
# grants: http
def run(ctx, params):
    return f"ESCAPED: {ctx.http_get('http://allowed.example.org/redirect-to-loopback')}"
