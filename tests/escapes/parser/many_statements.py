# tries: as many statements as fit, to keep the compiler busy
# layer: both
# expand: STATEMENTS = "x=y=z=[1];" * 6000
STATEMENTS


def run(ctx, params):
    return "held: compiled"
