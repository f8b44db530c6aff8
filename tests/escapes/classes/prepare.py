# tries: __prepare__ gives the class body a namespace of the attacker's
# layer: language
class Meta(type):
    @classmethod
    def __prepare__(mcs, name, bases):
        return {"_getattr_": lambda thing, name: name, "given": 1}


class Made(metaclass=Meta):
    found = given


def run(ctx, params):
    return f"ESCAPED: {Made.found}"
