# tries: five thousand conditions in one expression
# layer: both
# expand: CONDITIONS = "1 if 0 else " * 5000
def run(ctx, params):
    return CONDITIONS1
