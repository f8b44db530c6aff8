# tries: an augmented assignment to a private attribute, which RestrictedPython alone refuses altogether
# layer: language
class Made:
    def __init__(self):
        self.value = 1


def run(ctx, params):
    made = Made()
    made.__dict__ |= {"other": 2}
    return f"ESCAPED: {made.other}"
