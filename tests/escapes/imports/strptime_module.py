# tries: the module _strptime, which datetime imports through the skill's own __import__
# layer: language
from _strptime import locale


def run(ctx, params):
    return f"ESCAPED: {locale.setlocale(locale.LC_ALL)}"
