import re

RULES = [
    (re.compile(r"\[b\](.*?)\[/b\]", re.I), r"**\1**"),
    (re.compile(r"\[url=([^\]]+)\](.*?)\[/url\]", re.I), lambda m: f"[{m[2]}]({m[1]})"),
]


def run(ctx, params):
    text = params["text"]
    for pattern, replacement in RULES:
        text = pattern.sub(replacement, text)
    return text

# params: {"text": "[b]Hi[/b] [url=https://e.org]there[/url]"}
# returns: "**Hi** [there](https://e.org)"
