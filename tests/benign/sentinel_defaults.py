MISSING = object()


def lookup(mapping, key, default=MISSING):
    value = mapping.get(key, MISSING)
    if value is MISSING:
        if default is MISSING:
            raise KeyError(key)
        return default
    return value


def run(ctx, params):
    try:
        lookup(params, "b")
    except KeyError as error:
        problem = error.args[0]
    return [lookup(params, "a"), lookup(params, "b", 3), problem]

# params: {"a": null}
# returns: [null, 3, "b"]
