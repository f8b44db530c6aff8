# tries: operator.methodcaller, which calls methods by name
# layer: language
from operator import methodcaller


def run(ctx, params):
    return f"ESCAPED: {methodcaller('format', ())('{0.__class__.__base__}')}"
