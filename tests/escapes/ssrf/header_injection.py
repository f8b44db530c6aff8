# tries: line ends in the address, to write headers or another request
# layer: host
# grants: http
# limits: seconds=2
def run(ctx, params):
    held = 0
    for path in ("/\r\nX-Escaped: 1", "/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", "/\n", "/\x00", "/\u010d\u010a"):
        try:
            found = ctx.http_get("http://allowed.example.org" + path)
            if "X-Escaped" in found["text"]:
                return f"ESCAPED: {found}"
        except Exception:
            held += 1
    return f"held: {held} of five refused"
