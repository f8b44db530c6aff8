# tries: the name printed, by which RestrictedPython hands out its collector
# layer: language
# plain: there is no such name in plain Python
def run(ctx, params):
    print("x")
    return f"ESCAPED: {printed}"
