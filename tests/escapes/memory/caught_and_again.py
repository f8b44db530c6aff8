# tries: catching the error of the memory and going on without end
# layer: both
# limits: seconds=0.4
def run(ctx, params):
    while True:
        try:
            kept = [0] * (1 << 26)
            return f"ESCAPED: {len(kept)}"
        except MemoryError:
            continue
