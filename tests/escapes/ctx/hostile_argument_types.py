# tries: arguments that are no data: functions, ctx, classes, cycles, NaN
# layer: both
# grants: memory
def run(ctx, params):
    cycle = []
    cycle.append(cycle)
    held = 0
    for value in (run, ctx, type, cycle, float("nan"), 1 << 100, {1, 2}, b"x", {(1, 2): 3}):
        try:
            ctx.memory_set("key", value)
            return f"ESCAPED: the host was given {value!r:.40}"
        except Exception:
            held += 1
    return f"held: {held}"
