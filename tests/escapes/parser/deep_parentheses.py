# tries: parentheses nested deeper than the parser goes
# layer: both
# expand: OPEN = "(" * 30000
# expand: CLOSE = ")" * 30000
def run(ctx, params):
    return OPEN"ESCAPED"CLOSE
