# tries: a copy of ctx that may be written to
# layer: language
# plain: in plain Python the copy fails as well
import copy


def run(ctx, params):
    try:
        other = copy.copy(ctx)
    except Exception as error:
        return f"held: {error}"
    other.topic = "mine"
    return f"ESCAPED: {other.topic}"
