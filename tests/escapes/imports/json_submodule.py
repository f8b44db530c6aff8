# tries: a submodule of an offered module
# layer: language
import json.decoder


def run(ctx, params):
    return f"ESCAPED: {json.decoder.scanner.re}"
