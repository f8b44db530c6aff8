# tries: hosts whose names only look like the allowed one
# layer: host
# grants: http
# limits: seconds=2
def run(ctx, params):
    held = 0
    for host in (
        "allowed.example.org.evil.example.com",
        "evilallowed.example.org",
        "allowed.example.org:80@evil.example.com",
        "example.org",
        "allowed.example.orgevil.com",
        "allowed-example.org",
        "ａllowed.example.org.evil.com",
    ):
        try:
            return f"ESCAPED: {ctx.http_get('http://%s/' % host)}"
        except Exception:
            held += 1
    return f"held: {held} hosts"
