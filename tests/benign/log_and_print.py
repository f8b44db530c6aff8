def run(ctx, params):
    items = sorted(params["items"])
    ctx.log(f"sorted {len(items)} items")
    print("smallest", items[0], "largest", items[-1], sep=" | ", end=".\n")
    return items

# params: {"items": [3, 1, 2]}
# grants: ["log"]
# returns: [1, 2, 3]
