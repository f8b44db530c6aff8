# tries: reaching what ctx keeps inside
# layer: language
def run(ctx, params):
    return f"ESCAPED: {ctx._found}"
