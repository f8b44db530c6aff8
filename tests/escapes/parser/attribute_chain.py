# tries: thirty thousand attributes of attributes
# layer: both
# expand: NAMES = ".a" * 30000
def run(ctx, params):
    return paramsNAMES
