# tries: a decorator expression that walks to the globals
# layer: language
def run(ctx, params):
    @run.__globals__.get
    @lambda function: "__builtins__"
    def found():
        pass

    return f"ESCAPED: {found}"
