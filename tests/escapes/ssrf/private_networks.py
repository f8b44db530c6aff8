# tries: the networks behind the machine, and the service with a cloud's keys
# layer: host
# grants: http
# limits: seconds=2
def run(ctx, params):
    held = 0
    for host in (
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "[fd00::1]",
        "[fe80::1]",
        "metadata.google.internal",
        "224.0.0.1",
        "255.255.255.255",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ):
        try:
            return f"ESCAPED: {ctx.http_get('http://%s/' % host)}"
        except Exception:
            held += 1
    return f"held: {held} addresses"
