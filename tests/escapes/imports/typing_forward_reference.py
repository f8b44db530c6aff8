# tries: a forward reference, which is compiled when it is made
# layer: language
import typing


def run(ctx, params):
    return f"ESCAPED: {typing.ForwardRef('().__class__.__base__')._evaluate({}, {}, recursive_guard=frozenset())}"
