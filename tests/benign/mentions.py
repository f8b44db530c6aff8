import re

MENTION = re.compile(
    r"""
    (?<![\w.])      # not inside a mail address
    @(?P<name>[a-z0-9][a-z0-9-]{0,15}(?:\.eth)?)
    """,
    re.VERBOSE | re.IGNORECASE,
)


def run(ctx, params):
    found = [match.group("name") for match in MENTION.finditer(params["text"])]
    spans = [match.span() for match in MENTION.finditer(params["text"])]
    return {"names": found, "first": spans[0], "groups": MENTION.groupindex["name"], "flags": bool(MENTION.flags & re.I)}

# params: {"text": "Thanks @ada.eth and @bob! Mail me@example.org"}
# returns: {"names": ["ada.eth", "bob"], "first": [7, 15], "groups": 1, "flags": true}
