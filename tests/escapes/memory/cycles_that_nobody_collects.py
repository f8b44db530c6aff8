# tries: lists that hold themselves, so that only the collector frees them
# layer: both
# limits: seconds=1
def run(ctx, params):
    kept = []
    for _ in range(3_000_000):
        one = [None] * 8
        one.append(one)
        kept.append(one)
    return "ESCAPED: three million cycles"
