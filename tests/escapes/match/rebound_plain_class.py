# tries: a class of its own under the name of a plain one, with attributes to match
# layer: language
class Other:
    __match_args__ = ("__class__",)


def run(ctx, params):
    list = Other
    match Other():
        case list(found):
            return f"ESCAPED: {found}"
