# tries: setattr and delattr of a private attribute
# layer: language
class Made:
    def __init__(self):
        self.value = 1


def run(ctx, params):
    made = Made()
    setattr(made, "__class__", type("Other", (Made,), {}))
    return f"ESCAPED: {made}"
