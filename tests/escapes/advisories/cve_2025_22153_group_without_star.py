# tries: the kin of CVE-2025-22153: an ExceptionGroup whose split is given a function of the attacker's
# layer: language
# plain: groups are ordinary objects in plain Python
def run(ctx, params):
    group = ExceptionGroup("group", [ValueError("inner")])
    seen = []
    group.split(lambda error: seen.append(error.__traceback__))
    return f"ESCAPED: {seen}"
