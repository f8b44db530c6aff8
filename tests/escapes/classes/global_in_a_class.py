# tries: a global statement in a class body rebinds a guard
# layer: language
# plain: plain Python has no guard to rebind
class Made:
    global _getattr_
    _getattr_ = lambda thing, name: name


def run(ctx, params):
    return f"ESCAPED: {'text'.anything}"
