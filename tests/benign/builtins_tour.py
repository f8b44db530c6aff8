def run(ctx, params):
    return {
        "numbers": [abs(-2), round(2.567, 1), divmod(7, 3), pow(2, 5), pow(3, 4, 5), sum([1, 2], 3)],
        "checks": [all([1, 1]), any([0, 0]), callable(len), isinstance(1, (int, str)), issubclass(bool, int)],
        "text": [chr(65), ord("a"), bin(5), oct(8), hex(255), repr("x"), ascii("é"), str(1.0), bool("")],
        "sequences": [list(range(0, 6, 2)), list(reversed([1, 2])), list(enumerate("ab", 1)), list(zip("ab", [1, 2]))],
        "sets": sorted(set("aab") | frozenset("c")),
        "containers": [tuple([1]), dict([("a", 1)]), len(b"abc"), bytes([65]).decode(), int("ff", 16), float("1e3")],
        "iteration": [next(iter([5])), next(iter([]), None), max("b", "a"), min([3, 1], default=0), max([], default=-1)],
        "attributes": [getattr("x", "nope", 1), hasattr([], "append"), type(3) is int, type("x").__name__, hash(1)],
    }

# returns: {"numbers": [2, 2.6, [2, 1], 32, 1, 6], "checks": [true, false, true, true, true], "text": ["A", 97, "0b101", "0o10", "0xff", "'x'", "'\\xe9'", "1.0", false], "sequences": [[0, 2, 4], [2, 1], [[1, "a"], [2, "b"]], [["a", 1], ["b", 2]]], "sets": ["a", "b", "c"], "containers": [[1], {"a": 1}, 3, "A", 255, 1000.0], "iteration": [5, null, "b", 1, -1], "attributes": [1, true, true, "str", 1]}
