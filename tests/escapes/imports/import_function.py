# tries: the import function by its name
# layer: language
def run(ctx, params):
    return f"ESCAPED: {__import__('os').getpid()}"
