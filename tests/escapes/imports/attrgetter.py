# tries: operator.attrgetter, which reads attributes by dotted texts
# layer: language
from operator import attrgetter


def run(ctx, params):
    return f"ESCAPED: {attrgetter('__class__.__base__')(())}"
