# tries: five hundred nested targets, which the guard of unpacking expands
# layer: language
# expand: OPEN = "(a," * 150
# expand: CLOSE = ")" * 150
# plain: plain Python only fails to unpack
def run(ctx, params):
    OPEN b CLOSE = 1
    return "held: unpacked"
