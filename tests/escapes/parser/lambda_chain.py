# tries: nine thousand functions inside one another
# layer: both
# expand: LAMBDAS = "lambda:" * 9000
def run(ctx, params):
    return LAMBDAS1
