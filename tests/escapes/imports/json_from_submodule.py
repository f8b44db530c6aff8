# tries: a name out of a submodule of an offered module
# layer: language
from json.decoder import scanner


def run(ctx, params):
    return f"ESCAPED: {scanner}"
