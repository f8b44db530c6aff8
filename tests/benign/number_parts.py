def run(ctx, params):
    if not ctx.draft or len(ctx.draft) < 2:
        return None
    total = len(ctx.draft)
    return [f"{n}/{total} {part}" for n, part in enumerate(ctx.draft, 1)]

# ctx: {"draft": ["One", "Two", "Three"]}
# returns: ["1/3 One", "2/3 Two", "3/3 Three"]
