# tries: the memo of a deep copy, which collects what is inside
# layer: language
# grants: log
# plain: in plain Python everything may be looked into
import copy


def run(ctx, params):
    memo = {}
    try:
        copy.deepcopy([ctx.log, ctx, print], memo)
    except Exception as error:
        held = str(error)
    for thing in memo.values():
        if type(thing) is dict and "log" in thing:
            return f"ESCAPED: {thing}"
    return f"held: {len(memo)}"
