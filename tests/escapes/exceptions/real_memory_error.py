# tries: raising the memory error by itself, to look like a limit that was never reached
# layer: language
# plain: raising it is no evidence
def run(ctx, params):
    raise MemoryError("ESCAPED")
