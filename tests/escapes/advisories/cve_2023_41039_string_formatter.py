# tries: CVE-2023-41039, string.Formatter has the same fields as str.format
# layer: language
import string


def run(ctx, params):
    text = string.Formatter().format("{0.__class__.__base__}", ())
    return f"ESCAPED: {text}"
