# tries: the type of a function makes a function from a code object with globals of the attacker's choice
# layer: language
def run(ctx, params):
    kind = type(run)
    made = kind(run.__code__, {"__builtins__": {}})
    return f"ESCAPED: {made}"
