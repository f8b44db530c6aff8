# tries: a function of ten thousand variables
# layer: both
# expand: NAMES = "x, " * 15000
def run(ctx, params):
    NAMESy = params
    return "held: unpacked"
