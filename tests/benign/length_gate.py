def run(ctx, params):
    objections = []
    for number, part in enumerate(ctx.draft, start=1):
        size = len(part.encode("utf-8"))
        if size > ctx.limit:
            objections.append(f"Part {number} has {size} bytes; at most {ctx.limit} fit. Shorten it by {size - ctx.limit}.")
    return objections

# ctx: {"draft": ["éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé", "short"], "limit": 320}
# returns: ["Part 1 has 340 bytes; at most 320 fit. Shorten it by 20."]
