# tries: operator.methodcaller with the name of a private method
# layer: language
from operator import methodcaller


def run(ctx, params):
    return f"ESCAPED: {methodcaller('__reduce_ex__', 4)(params)}"
