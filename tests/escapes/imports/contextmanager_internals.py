# tries: the modules and classes inside contextlib
# layer: language
import contextlib


def run(ctx, params):
    for name in ("os", "sys", "abc", "_collections_abc", "types", "redirect_stdout", "chdir", "ExitStack"):
        found = getattr(contextlib, name, None)
        if found is not None:
            return f"ESCAPED: {found}"
    return "held: no module inside"
