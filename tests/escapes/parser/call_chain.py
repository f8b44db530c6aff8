# tries: thirty thousand calls of calls
# layer: both
# expand: CALLS = "()" * 30000
def run(ctx, params):
    return paramsCALLS
