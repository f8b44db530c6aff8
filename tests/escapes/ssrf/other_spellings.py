# tries: the machine itself, spelled in all the ways that parsers disagree about
# layer: host
# grants: http
# limits: seconds=2
def run(ctx, params):
    held = 0
    for host in (
        "localhost",
        "0.0.0.0",
        "0",
        "127.1",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::]",
        "127.0.0.1.",
        "①②⑦.⓪.⓪.①",
        "localhost.",
        "[0:0:0:0:0:ffff:7f00:1]",
        "allowed.example.org@127.0.0.1",
        "127.0.0.1#@allowed.example.org",
        "127.0.0.1\\@allowed.example.org",
        "allowed.example.org%00.127.0.0.1",
    ):
        try:
            return f"ESCAPED: {ctx.http_get('http://%s/' % host)}"
        except Exception:
            held += 1
    return f"held: {held} spellings"
