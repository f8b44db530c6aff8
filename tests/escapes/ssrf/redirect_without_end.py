# tries: an allowed host that redirects to itself without end
# layer: host
# grants: http
def run(ctx, params):
    return f"ESCAPED: {ctx.http_get('http://allowed.example.org/redirect-without-end')}"
