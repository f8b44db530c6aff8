# tries: a walk inside the format specification, shown by an object with a format of its own
# layer: language
class Show:
    def __format__(self, spec):
        return spec


def run(ctx, params):
    text = "{0:{1.__class__}}".format(Show(), ())
    return f"ESCAPED: {text}"
