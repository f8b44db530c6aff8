# tries: StopIteration carries a frame out of a generator
# layer: language
def run(ctx, params):
    def steps():
        yield 1
        return generator.gi_frame

    generator = steps()
    next(generator)
    try:
        next(generator)
    except StopIteration as stop:
        return f"ESCAPED: {stop.value}"
