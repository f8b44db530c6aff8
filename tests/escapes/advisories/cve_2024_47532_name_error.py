# tries: the kin of CVE-2024-47532: what ImportError, NameError and StopIteration carry
# layer: language
# plain: none of these carries more than a name
def run(ctx, params):
    found = []
    try:
        import ceos_no_such_module
    except ImportError as error:
        found.append(getattr(error, "path", None))
    try:
        no_such_name
    except NameError as error:
        found.append(getattr(error, "obj", None))
    if any(thing is not None for thing in found):
        return f"ESCAPED: {found}"
    return "held: nothing but names"
