# tries: a method that was not granted, by a class pattern
# layer: both
def run(ctx, params):
    match ctx:
        case object(memory_set=write):
            return f"ESCAPED: {write('key', 1)}"
    return "held: no such method"
