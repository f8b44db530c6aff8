import urllib.parse


def run(ctx, params):
    quoted = urllib.parse.quote(params["name"])
    assert urllib.parse.unquote(quoted) == params["name"]
    return urllib.parse.urljoin("https://example.org/wiki/", quoted)

# params: {"name": "Füße & more"}
# returns: "https://example.org/wiki/F%C3%BC%C3%9Fe%20%26%20more"
