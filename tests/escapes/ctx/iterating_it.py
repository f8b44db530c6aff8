# tries: walking over ctx, indexing and calling it
# layer: both
def run(ctx, params):
    held = 0
    for attempt in (lambda: list(ctx), lambda: ctx["http_get"], lambda: ctx("x"), lambda: ctx + 1, lambda: {**ctx}):
        try:
            return f"ESCAPED: {attempt()}"
        except TypeError:
            held += 1
    return f"held: {held}"
