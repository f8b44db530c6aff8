# tries: a null byte, which ends the text for whoever reads it in C
# layer: both
# expand: NUL = "\0" * 1
def run(ctx, params):
    return "held"  # NUL().__class__
