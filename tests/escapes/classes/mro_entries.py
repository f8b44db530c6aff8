# tries: __mro_entries__ puts a base in that no policy saw
# layer: language
class Entry:
    def __mro_entries__(self, bases):
        return (type,)


class Made(Entry()):
    pass


def run(ctx, params):
    return f"ESCAPED: {Made('Other', (), {})}"
