# tries: a name that is public when it is checked and the machine itself when it is connected to
# layer: host
# grants: http
def run(ctx, params):
    held = 0
    for _ in range(4):
        try:
            found = ctx.http_get("http://rebinding.example.org/")
        except Exception:
            held += 1
            continue
        if "public page" not in found["text"]:
            return f"ESCAPED: {found}"
    return f"held: {held} of four refused"
