# tries: asdict copies deeply and calls what copying is told to call
# layer: language
# plain: copying is ordinary in plain Python
from dataclasses import asdict, dataclass


class Trap:
    def __reduce_ex__(self, protocol):
        return (print, ("reduced",))


@dataclass
class Made:
    a: object = 1


def run(ctx, params):
    return f"ESCAPED: {asdict(Made(Trap()))}"
