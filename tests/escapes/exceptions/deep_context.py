# tries: a hundred thousand errors, each the cause of the next
# layer: language
# plain: raising it is no evidence
def run(ctx, params):
    error = ValueError("first")
    for _ in range(100_000):
        try:
            raise ValueError("next") from error
        except ValueError as caught:
            error = caught
    raise error
