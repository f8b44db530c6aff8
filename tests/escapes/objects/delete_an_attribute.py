# tries: deleting attributes and items of what may not be written to
# layer: language
# plain: only the guard makes ctx read-only
def run(ctx, params):
    del ctx.topic
    return "ESCAPED: deleted"
