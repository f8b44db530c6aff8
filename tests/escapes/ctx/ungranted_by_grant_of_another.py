# tries: the chain with a grant for the log
# layer: both
# grants: log
def run(ctx, params):
    return f"ESCAPED: {ctx.chain_read('eth_accounts')}"
