# tries: star import of a module that was never offered
# layer: language
# plain: refused by every Python
# expand: STAR = "from os import *" * 1
def run(ctx, params):
    STAR
    return f"ESCAPED: {getpid()}"
