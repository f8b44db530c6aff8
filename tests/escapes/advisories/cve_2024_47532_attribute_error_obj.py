# tries: CVE-2024-47532, an AttributeError carries the object, here the real module behind what was imported
# layer: language
import string


def run(ctx, params):
    try:
        return string.no_such_name
    except AttributeError as error:
        return f"ESCAPED: {error.obj}"
