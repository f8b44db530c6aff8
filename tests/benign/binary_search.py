import bisect


def grade(score, breakpoints=(60, 70, 80, 90), grades="FDCBA"):
    return grades[bisect.bisect(breakpoints, score)]


def run(ctx, params):
    items = list(params["items"])
    bisect.insort(items, params["value"])
    return [items, bisect.bisect_left(items, 5), [grade(n) for n in (33, 77, 99)]]

# params: {"items": [1, 3, 5, 7], "value": 4}
# returns: [[1, 3, 4, 5, 7], 3, ["F", "C", "A"]]
