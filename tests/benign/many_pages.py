import re


def title_of(ctx, url):
    try:
        page = ctx.http_get(url)
    except HostError as problem:
        ctx.log(f"{url}: {type(problem).__name__}")
        return None
    match = re.search("<title>(.+?)</title>", page["text"], re.I)
    return match and match.group(1)


def run(ctx, params):
    return {url: title_of(ctx, url) for url in params["urls"]}

# params: {"urls": ["https://a.org/", "https://b.org/", "https://c.org/"]}
# grants: ["http", "log"]
# ctx: {"answers": {"http": {"https://a.org/": "<title>A</title>", "https://c.org/": "nothing"}}}
# returns: {"https://a.org/": "A", "https://b.org/": null, "https://c.org/": null}
