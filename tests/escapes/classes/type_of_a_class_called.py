# tries: the type of a class is its metaclass; calling that makes unchecked classes
# layer: language
class Made:
    pass


def run(ctx, params):
    meta = type(Made)
    walker = meta("Walker", (str,), {"__match_args__": ("__class__",), "__getattr__": lambda self, name: name})
    return f"ESCAPED: {walker('x').anything}"
