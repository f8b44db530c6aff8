# tries: a sum of twenty thousand terms, nested to the left
# layer: both
# expand: TERMS = "+1" * 20000
def run(ctx, params):
    return 1TERMS
