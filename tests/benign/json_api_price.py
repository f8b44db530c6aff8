import json
from urllib.parse import urlencode


def arrow(change):
    return "up" if change > 0 else "down" if change < 0 else "flat"


def run(ctx, params):
    query = urlencode({"ids": ",".join(params["ids"]), "vs": "usd"})
    page = ctx.http_get(f"https://api.example.org/price?{query}")
    data = json.loads(page["text"])
    lines = []
    for name, quote in data.items():
        lines.append(f"{name.title()}: ${quote['usd']:,.2f} ({arrow(quote['change'])} {abs(quote['change']):.1f}%)")
    return "\n".join(lines)

# params: {"ids": ["bitcoin", "ethereum"]}
# grants: ["http"]
# ctx: {"answers": {"http": {"https://api.example.org/price?ids=bitcoin%2Cethereum&vs=usd": "{\"bitcoin\": {\"usd\": 64123.5, \"change\": -1.234}, \"ethereum\": {\"usd\": 3050, \"change\": 2.5}}"}}}
# returns: "Bitcoin: $64,123.50 (down 1.2%)\nEthereum: $3,050.00 (up 2.5%)"
