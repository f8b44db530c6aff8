# tries: a function that calls itself without end
# layer: both
def run(ctx, params):
    def deeper(depth):
        return deeper(depth + 1) + 1

    return f"ESCAPED: {deeper(0)}"
