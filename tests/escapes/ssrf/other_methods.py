# tries: methods, headers and bodies by arguments that the host might pass on
# layer: host
# grants: http
# limits: seconds=2
def run(ctx, params):
    held = 0
    for options in (
        {"method": "POST"},
        {"headers": {"Host": "127.0.0.1"}},
        {"data": "x"},
        {"hosts": ["*"]},
        {"max_bytes": 10**12},
    ):
        try:
            return f"ESCAPED: {ctx.http_get('http://allowed.example.org/', **options)}"
        except Exception:
            held += 1
    return f"held: {held}"
