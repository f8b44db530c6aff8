class Box:
    count = 0
    tags = None


def run(ctx, params):
    n = 10
    n += 5; n -= 3; n *= 2; n //= 5; n **= 2; n %= 7; n <<= 2; n |= 1; n ^= 3; n &= 14
    box = Box()
    box.count += 3
    box.count *= 2
    box.tags = ["a"]
    box.tags += ["b"]
    Box.count += 1
    grid = [[0] * 2 for _ in range(2)]
    grid[1][0] += 7
    data = {"k": {"n": 1}, "s": "x"}
    data["k"]["n"] -= 4
    data["s"] *= 3
    calls = []

    def key():
        calls.append(1)
        return "s"

    data[key()] += "!"
    text = "a"
    text += "b"
    return [n, box.count, box.tags, Box.count, grid, data, len(calls), text]

# returns: [10, 6, ["a", "b"], 1, [[0, 0], [7, 0]], {"k": {"n": -3}, "s": "xxx!"}, 1, "ab"]
