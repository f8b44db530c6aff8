# tries: an allowed host at a port where something else listens
# layer: host
# grants: http
def run(ctx, params):
    return f"ESCAPED: {ctx.http_get('http://allowed.example.org:%d/' % params['tcp'])}"
