# tries: __match_args__ of a class of its own names the attributes to read
# layer: language
class Walk:
    __match_args__ = ("__class__",)


def run(ctx, params):
    match Walk():
        case Walk(found):
            return f"ESCAPED: {found.__base__}"
