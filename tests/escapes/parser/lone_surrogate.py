# tries: half a surrogate pair in the source
# layer: both
# expand: HALF = "\udc80" * 1
def run(ctx, params):
    return "HALF"
