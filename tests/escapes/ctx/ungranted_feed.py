# tries: a feed and a page without the grant
# layer: both
def run(ctx, params):
    return f"ESCAPED: {ctx.http_feed('http://127.0.0.1/')} {ctx.http_page('http://127.0.0.1/')}"
