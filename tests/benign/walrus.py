import re


def run(ctx, params):
    found = {}
    for line in params["lines"]:
        if (match := re.match(r"(\w+): (\w+)", line)) is not None:
            found[match[1]] = match[2]
    lengths = [size for line in params["lines"] if (size := len(line)) > 5]
    queue = [1, 2, 3]
    total = 0
    while queue and (item := queue.pop()):
        total += item
    return [found, lengths, total, item]

# params: {"lines": ["name: Ada", "noise", "age: 36"]}
# returns: [{"name": "Ada", "age": "36"}, [9, 7], 6, 1]
