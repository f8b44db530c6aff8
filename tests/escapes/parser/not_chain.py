# tries: fifteen thousand times not
# layer: both
# expand: NOTS = "not " * 15000
def run(ctx, params):
    return NOTS1
