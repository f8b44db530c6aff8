import re
from urllib.parse import urlparse


def run(ctx, params):
    domains = {}
    for url in re.findall(r"https?://[^\s,]+", params["text"]):
        parsed = urlparse(url.rstrip("."))
        domain = parsed.netloc.removeprefix("www.")
        domains.setdefault(domain, []).append(parsed.path)
    return domains

# params: {"text": "See https://www.example.org/a?x=1 and http://blog.example.net/b, or https://www.example.org/c#top."}
# returns: {"example.org": ["/a", "/c"], "blog.example.net": ["/b"]}
