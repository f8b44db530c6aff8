import re

HASHTAG = re.compile(r"\s*#\w+")


def run(ctx, params):
    return [HASHTAG.sub("", part).strip() for part in ctx.draft]

# ctx: {"draft": ["Shipping today! #buildinpublic #web3", "More soon. #soon"]}
# returns: ["Shipping today!", "More soon."]
