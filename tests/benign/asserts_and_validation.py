LIMIT = 320


def validate(limit):
    assert isinstance(limit, int), "limit must be a number"
    assert 0 < limit <= LIMIT, f"limit must be at most {LIMIT}"
    return limit


def run(ctx, params):
    try:
        return validate(params["limit"])
    except AssertionError as error:
        return f"refused: {error}"

# params: {"limit": 500}
# returns: "refused: limit must be at most 320"
