# tries: the globals of a generator's frame, where the guards live
# layer: language
def run(ctx, params):
    generator = (one for one in [1])
    return f"ESCAPED: {list(generator.gi_frame.f_globals)}"
