# tries: operator.attrgetter to the frame of a generator
# layer: language
from operator import attrgetter


def run(ctx, params):
    generator = (one for one in [1])
    return f"ESCAPED: {attrgetter('gi_frame.f_globals')(generator)}"
