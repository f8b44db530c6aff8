# tries: the modules inside collections and its submodule
# layer: language
import collections
import collections.abc


def run(ctx, params):
    for module in (collections, collections.abc):
        for name in (
            "_sys",
            "_itemgetter",
            "_collections_abc",
            "sys",
            "GenericAlias",
            "EllipsisType",
            "abstractmethod",
        ):
            found = getattr(module, name, None)
            if found is not None:
                return f"ESCAPED: {found}"
    return "held: no module inside"
