def run(ctx, params):
    words = sum(len(part.split()) for part in ctx.draft)
    ctx.log(f"{words} words")
    if words > params["words"]:
        return f"Use at most {params['words']} words; this has {words}."
    return None
