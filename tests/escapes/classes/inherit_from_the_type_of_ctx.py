# tries: a subclass of the class of ctx, to reach its transport
# layer: language
# plain: without the language layer the source could do anything anyhow
def run(ctx, params):
    base = type(ctx)

    class Mine(base):
        def steal(self):
            return self.http_get

    return f"ESCAPED: {Mine}"
