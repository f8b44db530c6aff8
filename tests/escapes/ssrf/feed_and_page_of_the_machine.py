# tries: the machine itself, as a feed and as a page
# layer: host
# grants: http
def run(ctx, params):
    found = []
    for read in (ctx.http_feed, ctx.http_page):
        for url in ("http://127.0.0.1/", "http://inside.example.org/", "file:///etc/passwd"):
            try:
                found.append(f"ESCAPED: {read(url)}")
            except Exception as error:
                print(error)
    return found
