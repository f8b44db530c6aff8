# tries: the type of ctx, and a ctx of its own with another transport
# layer: language
# plain: without the language layer the source could do anything anyhow
def run(ctx, params):
    kind = type(ctx)
    made = kind(lambda *args: "mine")
    return f"ESCAPED: {made}"
