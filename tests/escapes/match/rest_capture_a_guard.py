# tries: the rest of a mapping pattern named like the write guard
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    match {"a": 1, "b": 2}:
        case {"a": 1, **_write_}:
            params["x"] = 1
            return f"ESCAPED: {_write_}"
