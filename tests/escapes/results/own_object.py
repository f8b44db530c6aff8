# tries: an object, a class and an exception in place of data
# layer: host
class Made:
    pass


def run(ctx, params):
    return [Made(), Made, ValueError("ESCAPED")]
