# tries: __init_subclass__ runs with the new class in hand
# layer: language
class Base:
    def __init_subclass__(cls, **options):
        cls.found = cls.__mro__[-1].__subclasses__()


class Made(Base):
    pass


def run(ctx, params):
    return f"ESCAPED: {len(Made.found)}"
