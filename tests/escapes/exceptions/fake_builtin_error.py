# tries: errors that look like the sandbox's own words for a memory or time limit
# layer: language
# plain: raising it is no evidence
class MemoryError(Exception):
    pass


def run(ctx, params):
    raise MemoryError("x")
