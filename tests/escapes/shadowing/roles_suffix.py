# tries: a name with the suffix that Zope reserves, and a name in class scope that is mangled
# layer: language
# plain: plain Python has no guard to shadow
class Made:
    __getattr = 1


def run(ctx, params):
    return f"ESCAPED: {Made._Made__getattr}"
