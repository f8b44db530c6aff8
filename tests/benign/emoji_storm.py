import unicodedata


def is_emoji(char):
    return unicodedata.category(char) == "So" or 0x1F300 <= ord(char) <= 0x1FAFF


def calm(text, most):
    kept, seen = [], 0
    for char in text:
        if is_emoji(char):
            seen += 1
            if seen > most:
                continue
        kept.append(char)
    return "".join(kept)


def run(ctx, params):
    most = params.get("most", 2)
    return [calm(part, most) for part in ctx.draft]

# params: {"most": 1}
# ctx: {"draft": ["Launch 🚀🚀🚀 day 🎉🎉!", "Plain text"]}
# returns: ["Launch 🚀 day !", "Plain text"]
