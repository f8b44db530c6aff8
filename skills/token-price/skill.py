"""Prices of tokens and their change in 24 hours, from the public API of CoinGecko, which needs no key."""

import json
from datetime import UTC, datetime
from urllib.parse import urlencode

ADDRESS = "https://api.coingecko.com/api/v3/simple/price"

#: CoinGecko's ids of symbols that leave no doubt which token is meant.
SYMBOLS = {
    "btc": "bitcoin",
    "eth": "ethereum",
    "sol": "solana",
    "usdc": "usd-coin",
    "usdt": "tether",
    "dai": "dai",
    "doge": "dogecoin",
    "ada": "cardano",
    "xrp": "ripple",
    "link": "chainlink",
    "uni": "uniswap",
    "arb": "arbitrum",
    "op": "optimism",
    "aave": "aave",
    "degen": "degen-base",
}


def run(ctx, params):
    """Return the prices, or None when there are none to tell."""
    tokens = list(dict.fromkeys(token_id(token) for token in params["tokens"]))
    currency = params.get("currency", "usd").lower()
    answer = fetch(ctx, tokens, currency)
    if answer is None:
        return None
    known = [token for token in tokens if is_number(entry(answer, token).get(currency))]
    unknown = [token for token in tokens if token not in known]
    if unknown:
        ctx.log(f"CoinGecko has no price in {currency.upper()} for {', '.join(unknown)}; its ids are in its addresses.")
    least = params.get("min_change", 0)
    moved = [token for token in known if abs(change_of(answer, token, currency) or 0) >= least]
    if not moved:
        return None
    told = {
        "source": "CoinGecko",
        "currency": currency.upper(),
        "prices": [price_line(answer, token, currency) for token in moved],
    }
    # The oldest of them: no price is older than what is said of all.
    times = [time for token in moved if is_number(time := entry(answer, token).get("last_updated_at"))]
    if times:
        told["as_of"] = datetime.fromtimestamp(min(times), UTC).strftime("%Y-%m-%dT%H:%MZ")
    if unknown:
        told["unknown"] = unknown
    return told


def token_id(token):
    """Return CoinGecko's id of a token; a dollar sign before a symbol is understood."""
    token = token.strip().lstrip("$").lower()
    return SYMBOLS.get(token, token)


def fetch(ctx, tokens, currency):
    """Return what CoinGecko answers, or None: when it is busy, a post goes without prices."""
    asked = {
        "ids": ",".join(tokens),
        "vs_currencies": currency,
        "include_24hr_change": "true",
        "include_last_updated_at": "true",
    }
    try:
        page = ctx.http_get(f"{ADDRESS}?{urlencode(asked)}")
    except HostError as error:
        ctx.log(f"CoinGecko could not be asked: {error}")
        return None
    if page["status"] == 429:
        ctx.log("CoinGecko has had too many requests from this address for the moment.")
        return None
    if page["status"] != 200:
        ctx.log(f"CoinGecko answered with status {page['status']}.")
        return None
    try:
        answer = json.loads(page["text"])
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        ctx.log("CoinGecko's answer could not be read.")
        return None
    return answer


def entry(answer, token):
    """Return what the answer says of a token."""
    found = answer.get(token)
    return found if isinstance(found, dict) else {}


def change_of(answer, token, currency):
    """Return how a token moved, in percent, or None when that is not known."""
    change = entry(answer, token).get(f"{currency}_24h_change")
    return change if is_number(change) else None


def price_line(answer, token, currency):
    """Return a token's price as a model may quote it: as texts, for it is bad at rounding."""
    line = {"token": token, "price": rounded(entry(answer, token)[currency])}
    change = change_of(answer, token, currency)
    if change is not None:
        line["change_24h"] = f"{change:+.1f}%"
    return line


def rounded(price):
    """Return a price with two places, or with four digits that count when it is small."""
    if price == 0 or abs(price) >= 1:
        return f"{price:,.2f}"
    places = 4
    while abs(price) * 10 ** (places - 3) < 1 and places < 18:
        places += 1
    return f"{price:.{places}f}"


def is_number(value):
    """Say whether a value of JSON is a number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
