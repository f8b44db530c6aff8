# tries: an f-string with two hundred fields inside fields
# layer: both
# expand: OPEN = "{1:" * 200
# expand: CLOSE = "}" * 200
def run(ctx, params):
    return f"OPENCLOSE"
