# tries: a substitution that calls back, catches the time limit and goes on
# layer: language
# limits: seconds=0.4
# plain: what matters is that the limits hold
import re


def run(ctx, params):
    def again(found):
        try:
            re.match(r"(a+)+$", "a" * 60 + "b")
        except Exception:
            return again(found)
        return ""

    return f"ESCAPED: {re.sub('x', again, 'xxx')}"
