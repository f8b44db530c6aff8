# tries: a capture named like the attribute guard
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    match lambda thing, name: name:
        case _getattr_:
            return f"ESCAPED: {'text'.anything}"
