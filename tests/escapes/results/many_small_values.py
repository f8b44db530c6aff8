# tries: a result under the cap that takes fifty times as much memory when it is read
# layer: host
def run(ctx, params):
    return [[] for _ in range(200_000)]
