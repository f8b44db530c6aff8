class Scaler:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, value):
        return value * self.factor

    def __str__(self):
        return f"x{self.factor}"

    def __format__(self, spec):
        return format(str(self), spec)


def run(ctx, params):
    scale = Scaler(3)
    return [list(map(scale, params["values"])), str(scale), f"{scale:>5}", callable(scale)]

# params: {"values": [1, 2, 3]}
# returns: [[3, 6, 9], "x3", "   x3", true]
