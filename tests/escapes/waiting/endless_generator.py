# tries: a generator that never yields
# layer: both
# limits: seconds=0.4
def run(ctx, params):
    def never():
        while False:
            yield 1
        while True:
            pass

    return [one for one in never()]
