# tries: the hidden cell __class__ of a method
# layer: language
class Made:
    def own(self):
        return __class__.__base__


def run(ctx, params):
    return f"ESCAPED: {Made().own()}"
