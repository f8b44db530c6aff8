# tries: reaching what ctx keeps inside by every likely name
# layer: language
# plain: without the language layer the source could do anything anyhow
def run(ctx, params):
    for name in ("_found", "_call", "_ask", "__slots__", "__dict__", "found", "call", "ask", "socket", "transport"):
        found = getattr(ctx, name, None)
        if found is not None:
            return f"ESCAPED: {name} {found}"
    return "held: nothing"
