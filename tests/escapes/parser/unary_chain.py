# tries: sixty thousand signs in a row, which overflow the compiler's stack
# layer: both
# expand: SIGNS = "-" * 60000
def run(ctx, params):
    return SIGNS1
