# tries: the neighbour of an offered submodule
# layer: language
# plain: there are no files to import it from
from urllib import request


def run(ctx, params):
    return f"ESCAPED: {request.urlopen}"
