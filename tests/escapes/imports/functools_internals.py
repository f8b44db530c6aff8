# tries: the functions of functools that set attributes or evaluate annotations
# layer: language
import functools


def run(ctx, params):
    for name in ("update_wrapper", "singledispatch", "WRAPPER_ASSIGNMENTS", "GenericAlias", "recursive_repr"):
        found = getattr(functools, name, None)
        if found is not None:
            return f"ESCAPED: {found}"
    return "held: none of them"
