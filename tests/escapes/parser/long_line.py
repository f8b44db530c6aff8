# tries: one line of sixty thousand characters
# layer: both
# expand: TEXT = "x" * 60000
def run(ctx, params):
    return "TEXT"
