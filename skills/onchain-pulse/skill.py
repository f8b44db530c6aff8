"""How things stand on chain, and how they changed since the last post: base fee, balances, supplies of tokens."""

from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from hashlib import sha256

CHAINS = {8453: "Base", 84532: "Base Sepolia"}
#: A post that is attempted again within this time is told the same changes.
SAME_POST = timedelta(minutes=10)
#: Longest symbol that is told; a token's contract may call itself anything.
SYMBOL_CHARS = 12
#: One gwei in wei.
GWEI = Decimal(10**9)


def run(ctx, params):
    """Return what there is to tell, or None when nothing can be read or nothing has moved enough."""
    block = ask(ctx, "block")
    if block is None:
        return None
    least = params.get("min_change", 0)
    watched = []
    for key, what, read in questions(params, block):
        found = read(ctx)
        if found is None:
            continue
        amount, unit = found
        line = {"what": what, "now": f"{rounded(amount)} {unit}".rstrip()}
        before = earlier(ctx, key, amount)
        change = None if before is None else percent(Decimal(before["amount"]), amount)
        if before and change is not None:
            line["change"] = f"{change:+.1f}%"
            line["since"] = before["at"]
        # What has never been seen has not moved.
        if least == 0 or abs(change or 0) >= least:
            watched.append(line)
    if not watched:
        ctx.log("Nothing on chain could be read, or nothing has moved enough.")
        return None
    chain = CHAINS.get(block["chain_id"], f"chain {block['chain_id']}")
    as_of = minute_of(datetime.fromisoformat(block["time"]))
    return {"chain": chain, "block": block["number"], "as_of": as_of, "watched": watched}


def questions(params, block):
    """Yield (key in the memory, what it is in words, how to read it) of everything that is watched."""
    if params.get("base_fee", True):
        fee = (Decimal(int(block["base_fee"])) / GWEI, "gwei")
        yield key_of("base fee"), "base fee", lambda _: fee
    for one in params.get("balances", []):
        account, token = one["account"], one.get("token")
        key = key_of("balance", account, token or "")
        yield key, f"balance of {one['name']}", lambda ctx, account=account, token=token: balance(ctx, account, token)
    for one in params.get("supplies", []):
        token = one["token"]
        yield key_of("supply", token), f"supply of {one['name']}", lambda ctx, token=token: supply(ctx, token)


def balance(ctx, account, token):
    """Return (amount, unit) of what an account has, or None."""
    if token is None:
        answer = ask(ctx, "balance", account)
        return answer and (Decimal(answer["eth"]), "ETH")
    answer = ask(ctx, "token_balance", token, account)
    return answer and (Decimal(answer["amount"]), symbol(answer))


def supply(ctx, token):
    """Return (amount, unit) of how much there is of a token, or None."""
    answer = ask(ctx, "token", token)
    return answer and (Decimal(answer["supply"]), symbol(answer))


def ask(ctx, *question):
    """Return the chain's answer, or None: a post goes without what cannot be read."""
    try:
        return ctx.chain_read(*question)
    except HostError as error:
        ctx.log(f"{' '.join(question)} could not be read: {error}")
        return None


def earlier(ctx, key, amount):
    """Return what an earlier post was told under a key, or None; keep the amount for the next one."""
    note = ctx.memory_get(key)
    now = minute_of(ctx.now)
    if note is None:
        keep(ctx, key, {"amount": str(amount), "at": now})
        return None
    if note["at"] >= minute_of(ctx.now - SAME_POST):
        return note.get("before")
    before = {"amount": note["amount"], "at": note["at"]}
    keep(ctx, key, {"amount": str(amount), "at": now, "before": before})
    return before


def keep(ctx, key, note):
    """Keep a note; one that does not fit costs only the next change."""
    try:
        ctx.memory_set(key, note)
    except HostError as error:
        ctx.log(f"Could not be noted for the next post: {error}")


def percent(before, now):
    """Return the change from one amount to another in percent, or None when there was nothing before."""
    return (now - before) / before * 100 if before else None


def rounded(amount):
    """Return an amount with two places, or with four digits that count when it is small."""
    if amount == 0 or abs(amount) >= 1:
        return f"{amount:,.2f}"
    exact = Decimal(1).scaleb(max(amount.adjusted() - 3, -18))
    return f"{amount.quantize(exact, ROUND_HALF_EVEN):f}"


def symbol(answer):
    """Return a token's symbol as far as it is one: letters and digits, so that no stranger's sentence is told."""
    return "".join(sign for sign in str(answer["symbol"]) if sign.isascii() and sign.isalnum())[:SYMBOL_CHARS]


def key_of(*parts):
    """Return a short key of the memory."""
    return sha256("|".join(part.lower() for part in parts).encode()).hexdigest()[:12]


def minute_of(moment):
    """Return a moment as it is told, to the minute."""
    return moment.strftime("%Y-%m-%dT%H:%MZ")
