def run(ctx, params):
    items = params["items"]
    copy = items[:]
    copy[2:4] = ["x"]
    del copy[0], copy[-1:]
    middle = slice(2, 5)
    text = "hello world"
    return [items[1:3], items[::-2], items[middle], copy, text[-5:], text[::-1], items[:-3][0], text[:5] + text[5:]]

# params: {"items": [0, 1, 2, 3, 4, 5, 6, 7]}
# returns: [[1, 2], [7, 5, 3, 1], [2, 3, 4], [1, "x", 4, 5, 6], "world", "dlrow olleh", 0, "hello world"]
