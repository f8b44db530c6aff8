# tries: a number of sixty thousand digits
# layer: both
# expand: DIGITS = "9" * 60000
def run(ctx, params):
    return DIGITS
