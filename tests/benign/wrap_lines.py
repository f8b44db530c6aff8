import textwrap


def run(ctx, params):
    return {
        "wrapped": textwrap.wrap(params["text"], width=30),
        "short": textwrap.shorten(params["text"], width=40, placeholder="..."),
        "indented": textwrap.indent("a\nb", "> "),
    }

# params: {"text": "The quick brown fox jumps over the lazy dog and keeps running through the wood."}
# returns: {"wrapped": ["The quick brown fox jumps over", "the lazy dog and keeps running", "through the wood."], "short": "The quick brown fox jumps over the...", "indented": "> a\n> b"}
