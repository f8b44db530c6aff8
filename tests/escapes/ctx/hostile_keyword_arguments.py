# tries: keyword arguments with the names of the host's own
# layer: both
# grants: memory
def run(ctx, params):
    return f"held: {ctx.memory_get('key', deadline=1e18, method='llm_generate')}"
