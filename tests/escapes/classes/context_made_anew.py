# tries: calling the constructor of ctx again, to give it methods that were not granted
# layer: language
# plain: without the language layer the source could do anything anyhow
def run(ctx, params):
    found = {"http_get": print}
    try:
        ctx.__init__(found)
    except (AttributeError, TypeError) as error:
        return f"held: {error}"
    return f"ESCAPED: {ctx.limit}"
