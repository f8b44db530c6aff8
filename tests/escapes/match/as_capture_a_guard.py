# tries: an as-pattern named like the iteration guard
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    match [1]:
        case [1 as _getiter_]:
            return f"ESCAPED: {[one for one in [1]]}"
