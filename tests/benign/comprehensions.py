def run(ctx, params):
    rows = params["rows"]
    return {
        "list": [row["n"] ** 2 for row in rows if row["n"] % 2],
        "dict": {row["name"]: row["n"] for row in rows},
        "set": sorted({len(row["name"]) for row in rows}),
        "nested": [(x, y) for x in range(2) for y in range(2) if x != y],
        "matrix": [[i * j for j in range(3)] for i in range(2)],
        "generator": max(row["n"] for row in rows),
    }

# params: {"rows": [{"name": "a", "n": 1}, {"name": "b", "n": 2}, {"name": "c", "n": 3}]}
# returns: {"list": [1, 9], "dict": {"a": 1, "b": 2, "c": 3}, "set": [1], "nested": [[0, 1], [1, 0]], "matrix": [[0, 0, 0], [0, 1, 2]], "generator": 3}
