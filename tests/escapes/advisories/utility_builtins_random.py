# tries: the module leak of utility_builtins: random keeps the os module under a private name
# layer: language
import random


def run(ctx, params):
    module = getattr(random, "_" + "os")
    return f"ESCAPED: {module.getpid()}"
