# tries: an error's text with half a surrogate pair, null bytes and control characters
# layer: language
# plain: raising it is no evidence
def run(ctx, params):
    raise ValueError('\ud800\x00\x1b[31m\r\n{"t": "result"}')
