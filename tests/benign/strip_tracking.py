from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit


def run(ctx, params):
    parts = urlsplit(params["url"])
    query = [(key, value) for key, value in parse_qsl(parts.query) if not key.startswith("utm_")]
    return urlunsplit(parts._replace(query=urlencode(query)))

# params: {"url": "https://example.org/read?utm_source=x&id=42&utm_medium=y#part"}
# returns: "https://example.org/read?id=42#part"
