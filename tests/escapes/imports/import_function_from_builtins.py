# tries: the import function out of the dictionary of builtins
# layer: language
def run(ctx, params):
    found = __builtins__
    loader = found["__import__"] if type(found) is dict else found.__import__
    return f"ESCAPED: {loader('os').getpid()}"
