def run(ctx, params):
    def cut(text: str, /, most: int, *, mark: str = "…") -> str:
        words = text.split()
        return text if len(words) <= most else " ".join(words[:most]) + mark

    return [cut(part, params["most"]) for part in ctx.draft]

# params: {"most": 5}
# ctx: {"draft": ["one two three four five six seven"]}
# returns: ["one two three four five…"]
