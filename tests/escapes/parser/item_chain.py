# tries: twenty thousand items of items
# layer: both
# expand: ITEMS = "[0]" * 20000
def run(ctx, params):
    return paramsITEMS
