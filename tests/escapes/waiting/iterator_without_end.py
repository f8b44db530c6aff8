# tries: a result that the sandbox would have to walk for ever
# layer: both
# limits: seconds=0.4
def run(ctx, params):
    def forever():
        while True:
            yield "x"

    return sorted(forever())
