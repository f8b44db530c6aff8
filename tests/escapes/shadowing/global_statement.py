# tries: a global statement and a function of that name
# layer: language
# plain: plain Python has no guard to shadow
def run(ctx, params):
    global _getattr_

    def _getattr_(thing, name):
        return name

    return f"ESCAPED: {'text'.anything}"
