# tries: update_wrapper copies attributes of the attacker's choice onto a function
# layer: language
from functools import update_wrapper


def run(ctx, params):
    def victim():
        return 1

    def source():
        return 2

    update_wrapper(victim, source, assigned=("__code__",), updated=())
    return f"ESCAPED: {victim()}"
