def walk(node, depth=0):
    yield depth, node["v"]
    for child in node["c"]:
        yield from walk(child, depth + 1)


def total(node):
    return node["v"] + sum(total(child) for child in node["c"])


def run(ctx, params):
    outline = [f"{'  ' * depth}- {value}" for depth, value in walk(params["tree"])]
    return {"outline": outline, "total": total(params["tree"])}

# params: {"tree": {"v": 1, "c": [{"v": 2, "c": []}, {"v": 3, "c": [{"v": 4, "c": []}]}]}}
# returns: {"outline": ["- 1", "  - 2", "  - 3", "    - 4"], "total": 10}
