# tries: copying calls what an object's reduction names
# layer: language
import copy


class Trap:
    def __reduce_ex__(self, protocol):
        return (getattr, ((), "__class__"))


def run(ctx, params):
    return f"ESCAPED: {copy.copy(Trap()).__base__}"
