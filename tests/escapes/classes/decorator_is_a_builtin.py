# tries: decorators that call what is not allowed to be called by name
# layer: language
def run(ctx, params):
    @eval
    @lambda function: "().__class__.__base__"
    def found():
        pass

    return f"ESCAPED: {found}"
