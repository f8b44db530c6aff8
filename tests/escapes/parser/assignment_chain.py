# tries: thirty thousand targets of one assignment
# layer: both
# expand: TARGETS = "x=" * 30000
def run(ctx, params):
    TARGETS1
    return "held: assigned"
