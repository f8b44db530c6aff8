# tries: SystemExit ends the child before it has answered
# layer: language
# plain: raising it is no evidence
def run(ctx, params):
    raise SystemExit(0)
