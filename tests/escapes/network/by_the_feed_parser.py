# tries: the network and files through the libraries that read feeds and pages
# layer: kernel
def run(ctx, params):
    import sys

    feedparser = sys.modules["feedparser"]
    found = []
    for address in (params["file"], f"http://127.0.0.1:{params['tcp']}/"):
        result = feedparser.parse(address)
        if result.entries or result.get("status"):
            found.append(f"ESCAPED: {address}")
    return found
