SKILL = {
    "name": "manifest-in-file",
    "version": "1.0.0",
    "summary": "Objects to a word.",
    "stage": "gate",
    "params": {"type": "object", "properties": {"word": {"type": "string"}}},
}


def run(ctx, params):
    if any(params["word"].casefold() in part.casefold() for part in ctx.draft):
        return f"Leave out '{params['word']}'."

# params: {"word": "tea"}
# ctx: {"draft": ["TEA is nice"]}
# returns: "Leave out 'tea'."
