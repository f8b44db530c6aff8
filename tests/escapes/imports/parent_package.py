# tries: the package above an offered submodule
# layer: language
import urllib.parse
import urllib


def run(ctx, params):
    return f"ESCAPED: {urllib.parse.sys}"
