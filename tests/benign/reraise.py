def inner():
    raise KeyError("missing")


def run(ctx, params):
    try:
        try:
            inner()
        except KeyError:
            print("seen")
            raise
    except LookupError as error:
        return repr(error)

# returns: "KeyError('missing')"
