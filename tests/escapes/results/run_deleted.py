# tries: run deleted after it was checked
# layer: language
# plain: there is nothing left that could be called
def run(ctx, params):
    return "held: never called"


del run
