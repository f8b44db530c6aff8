# tries: the module leak of utility_builtins: string keeps re and collections under private names
# layer: language
import string


def run(ctx, params):
    for name in ("_re", "_string", "_ChainMap"):
        found = getattr(string, name, None)
        if found is not None:
            return f"ESCAPED: {found}"
    return "held: nothing private"
