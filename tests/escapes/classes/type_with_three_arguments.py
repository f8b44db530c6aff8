# tries: making a class by type(name, bases, body) with methods no policy checked
# layer: language
def run(ctx, params):
    made = type("Made", (), {"__getattr__": lambda self, name: name})
    return f"ESCAPED: {made().anything}"
