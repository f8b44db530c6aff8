# tries: __match_args__ set on the class after it was made
# layer: language
class Walk:
    def step(self):
        return 1


def run(ctx, params):
    setattr(Walk, "__match_args__", ("__class__",))
    match Walk():
        case Walk(found):
            return f"ESCAPED: {found}"
    return "held: no match"
