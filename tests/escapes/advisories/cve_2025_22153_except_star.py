# tries: CVE-2025-22153, except* confuses types when the group's split is the attacker's
# layer: language
# plain: plain Python has no guard that the confusion could get around
def run(ctx, params):
    class Group(ExceptionGroup):
        def derive(self, exceptions):
            return self

        def split(self, condition):
            return [self, condition]

    try:
        raise Group("group", [ValueError("inner")])
    except* ValueError as caught:
        return f"ESCAPED: {caught}"
    return "held: nothing was caught"
