# tries: a metaclass of its own, by keyword
# layer: language
class Meta(type):
    def __call__(cls, *args):
        return cls.__mro__


class Made(metaclass=Meta):
    pass


def run(ctx, params):
    return f"ESCAPED: {Made()}"
