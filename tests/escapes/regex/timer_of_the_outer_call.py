# tries: a substitution whose function uses up the timer of the outer call and catches what it raises
# layer: language
# limits: seconds=0.4
# plain: what matters is that the limits hold
import re


def run(ctx, params):
    def spend(found):
        try:
            re.match(r"(a+)+$", "a" * 60 + "b")
        except TimeoutError:
            return ""

    return f"ESCAPED: {re.sub('x', spend, 'x' * 100)}"
