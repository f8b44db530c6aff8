# tries: the descriptors that __slots__ makes
# layer: language
class Made:
    __slots__ = ("field",)


def run(ctx, params):
    return f"ESCAPED: {Made.field.__objclass__.__base__}"
