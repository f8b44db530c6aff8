# tries: reading the sandbox's own source by the paths in its code
# layer: kernel
import sys


def run(ctx, params):
    held = []
    for module in list(sys.modules.values()):
        name = getattr(module, "__file__", None)
        if name:
            try:
                with open(name, "rb") as file:
                    return f"ESCAPED: {file.read(50)}"
            except OSError as error:
                held.append(error.errno)
    return f"held: {len(held)} files"
