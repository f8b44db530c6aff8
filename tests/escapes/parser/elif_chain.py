# tries: five thousand branches of one condition
# layer: both
# expand: BRANCHES = "elif 0: 1\n    " * 4000
def run(ctx, params):
    if 0:
        pass
    BRANCHES
    return "held: none of them"
