class Vector:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x = x
        self.y = y

    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y)

    def __mul__(self, factor):
        return Vector(self.x * factor, self.y * factor)

    __rmul__ = __mul__

    def __eq__(self, other):
        if not isinstance(other, Vector):
            return NotImplemented
        return (self.x, self.y) == (other.x, other.y)

    def __hash__(self):
        return hash((self.x, self.y))

    def __abs__(self):
        return (self.x**2 + self.y**2) ** 0.5

    def __bool__(self):
        return bool(self.x or self.y)

    def __repr__(self):
        return f"{self.__class__.__name__}({self.x}, {self.y})"


def run(ctx, params):
    a, b = Vector(*params["a"]), Vector(*params["b"])
    return [repr(a + b), repr(2 * a), a == Vector(1, 2), a == "x", abs(b), bool(Vector(0, 0)), len({a, Vector(1, 2)})]

# params: {"a": [1, 2], "b": [3, 4]}
# returns: ["Vector(4, 6)", "Vector(2, 4)", true, false, 5.0, false, 1]
