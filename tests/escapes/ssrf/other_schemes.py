# tries: addresses that are no web pages
# layer: host
# grants: http
# limits: seconds=2
def run(ctx, params):
    held = 0
    for url in (
        "file://" + params["file"],
        "file:" + params["file"],
        params["file"],
        "ftp://allowed.example.org/",
        "gopher://127.0.0.1/",
        "data:text/plain,ESCAPED",
        "unix:" + params["unix"],
        "http+unix://%2Ftmp/",
        "jar:http://x!/",
        "javascript:1",
        "//127.0.0.1/",
    ):
        try:
            return f"ESCAPED: {ctx.http_get(url)}"
        except Exception:
            held += 1
    return f"held: {held} schemes"
