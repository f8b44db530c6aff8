# tries: a class pattern with the type of a generator
# layer: language
def run(ctx, params):
    generator = (one for one in [1])
    kind = type(generator)
    match generator:
        case kind(gi_frame=frame):
            return f"ESCAPED: {frame.f_globals}"
    return "held: no match"
