# tries: a cycle in the chain of causes, to hang whoever walks it
# layer: language
# plain: raising it is no evidence
def run(ctx, params):
    first = ValueError("first")
    second = ValueError("second")
    try:
        raise first from second
    except ValueError:
        raise second from first
