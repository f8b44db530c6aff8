# tries: a result under the cap that grows sixfold when it is written down
# layer: host
def run(ctx, params):
    return "\u0001" * 300_000
