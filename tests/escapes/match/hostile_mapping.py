# tries: a mapping pattern asks an object of the attacker's for a sentinel of the sandbox
# layer: language
# plain: the default that a mapping pattern passes is harmless
class Mapping(dict):
    def get(self, key, default=None):
        self.seen = default
        return default


def run(ctx, params):
    mapping = Mapping(a=1)
    match mapping:
        case {"a": found}:
            return f"held: found {found}"
    return f"held: {type(mapping.seen)}"
