# tries: star import brings names with underscores, or overwrites the guards
# layer: language
from json import *


def run(ctx, params):
    return f"ESCAPED: {JSONEncoder}"
