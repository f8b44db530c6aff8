def run(ctx, params):
    runs = (ctx.memory_get("runs") or 0) + 1
    ctx.memory_set("runs", runs)
    return f"run number {ctx.memory_get('runs')}"

# grants: ["memory"]
# ctx: {"answers": {"memory": {"runs": 4}}}
# returns: "run number 5"
