from contextlib import contextmanager, suppress


@contextmanager
def section(lines, name):
    lines.append(f"begin {name}")
    try:
        yield name.upper()
    finally:
        lines.append(f"end {name}")


def run(ctx, params):
    lines = []
    with section(lines, "x") as name:
        lines.append(name)
    data = {"a": 1}
    for key in params["keys"]:
        with suppress(KeyError):
            lines.append(data[key])
    return lines

# params: {"keys": ["a", "b"]}
# returns: ["begin x", "X", "end x", 1]
