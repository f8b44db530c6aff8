# tries: a starred capture named like the item guard
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    match [1, 2, 3]:
        case [_, *_getitem_]:
            return f"ESCAPED: {[0][0]}"
