# tries: importing the dictionary or the loader of an offered module under a harmless name
# layer: language
from json import __loader__ as loader


def run(ctx, params):
    return f"ESCAPED: {loader}"
