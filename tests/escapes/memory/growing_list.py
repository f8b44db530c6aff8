# tries: a list that grows until nothing is left
# layer: both
# limits: seconds=1
def run(ctx, params):
    kept = []
    while len(kept) < 4096:
        kept.append("x" * (1 << 17))
    return f"ESCAPED: {len(kept)} pieces of 128 KiB"
