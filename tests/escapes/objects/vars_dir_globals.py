# tries: the builtins that show namespaces
# layer: language
def run(ctx, params):
    return f"ESCAPED: {list(globals())} {dir(ctx)} {locals()}"
