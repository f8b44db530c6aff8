# tries: the error of the time limit on expressions, whose traceback runs through the timer
# layer: language
# limits: seconds=4
# plain: there is no time limit in plain Python
import re


def run(ctx, params):
    try:
        re.match(r"(a+)+$", "a" * 60 + "b")
    except TimeoutError as error:
        return f"ESCAPED: {getattr(error, '__trace' + 'back__')}"
