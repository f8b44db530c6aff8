# tries: a generator in place of data
# layer: host
def run(ctx, params):
    yield "ESCAPED: a generator"
