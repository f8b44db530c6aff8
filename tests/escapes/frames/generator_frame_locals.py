# tries: the locals of a frame, and writing to them
# layer: language
def run(ctx, params):
    generator = (one for one in [1])
    return f"ESCAPED: {generator.gi_frame.f_locals}"
