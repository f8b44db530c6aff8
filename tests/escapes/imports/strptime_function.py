# tries: a function of the module _strptime and its globals
# layer: language
from _strptime import datetime_date as found


def run(ctx, params):
    return f"ESCAPED: {found}"
