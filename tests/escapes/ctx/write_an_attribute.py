# tries: writing to ctx
# layer: both
def run(ctx, params):
    ctx.topic = "mine"
    return "ESCAPED: written"
