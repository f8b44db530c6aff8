# tries: brackets nested just below the tokenizer's limit
# layer: both
# expand: OPEN = "[" * 199
# expand: CLOSE = "]" * 199
VALUE = OPEN"held"CLOSE


def run(ctx, params):
    return VALUE
