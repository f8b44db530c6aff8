# tries: the modules inside html, base64 and hashlib
# layer: language
import base64
import hashlib
import html


def run(ctx, params):
    for module in (html, base64, hashlib):
        for name in ("_re", "entities", "re", "struct", "binascii", "main", "_hashlib", "file_digest"):
            found = getattr(module, name, None)
            if found is not None:
                return f"ESCAPED: {found}"
    return "held: no module inside"
