# tries: an imported class under the name of a plain one, whose pattern holds another
# layer: language
# plain: patterns may read attributes in plain Python
from json import JSONDecodeError as int


def run(ctx, params):
    match int("x", "y", 1):
        case int(found):
            return f"ESCAPED: {found}"
    return "held: no match"
