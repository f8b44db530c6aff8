# tries: the flag that makes the compiler of expressions print to the process's own output, which is the pipe
# layer: language
# plain: printing is ordinary in plain Python
import re


def run(ctx, params):
    re.compile("(a|b)+" * 50, 128)
    return "held: compiled in silence"
