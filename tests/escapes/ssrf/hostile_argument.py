# tries: addresses that are no texts
# layer: host
# grants: http
# limits: seconds=2
def run(ctx, params):
    held = 0
    for url in (
        None,
        1,
        [],
        {"url": "x"},
        ["http://allowed.example.org/"],
        "",
        " ",
        "http://",
        "http:///",
        "http://[",
        "x" * 9000,
    ):
        try:
            return f"ESCAPED: {ctx.http_get(url)}"
        except Exception:
            held += 1
    return f"held: {held}"
