"""A tool for the model: search."""
import json
from urllib.parse import quote_plus


def run(ctx, params):
    """Return titles and addresses that match a query."""
    url = f"https://search.example.org/?q={quote_plus(params['query'])}&page={params.get('page', 1)}"
    try:
        results = json.loads(ctx.http_get(url)["text"])["results"]
    except (HostError, json.JSONDecodeError, KeyError):
        return {"results": [], "note": "search is down"}
    return {"results": [{"title": r["title"], "url": r["url"]} for r in results]}

# params: {"query": "cats", "page": 2}
# grants: ["http"]
# ctx: {"answers": {"http": {"https://search.example.org/?q=cats&page=2": "{\"results\": [{\"title\": \"Cats\", \"url\": \"https://c.org\"}]}"}}}
# returns: {"results": [{"title": "Cats", "url": "https://c.org"}]}
