import re


def run(ctx, params):
    text = " ".join(ctx.draft).lower()
    words = set(re.findall(r"[a-z']+", text))
    found = sorted(words & {word.lower() for word in params["banned"]})
    return [f"Do not say '{word}'; say what you know instead." for word in found]

# params: {"banned": ["guaranteed", "moon"]}
# ctx: {"draft": ["This token will moon, guaranteed!"]}
# returns: ["Do not say 'guaranteed'; say what you know instead.", "Do not say 'moon'; say what you know instead."]
