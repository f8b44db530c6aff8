class Shape:
    name = "shape"

    def __init__(self, size):
        self.size = size

    def area(self):
        raise NotImplementedError

    def describe(self):
        return f"{self.name} of area {self.area():.1f}"


class Square(Shape):
    name = "square"

    def area(self):
        return self.size**2


class Cube(Square):
    def __init__(self, size, label="cube"):
        super().__init__(size)
        self.name = label

    def area(self):
        return 6 * super().area()


def run(ctx, params):
    shapes = [Square(params["n"]), Cube(2)]
    try:
        Shape(1).area()
    except NotImplementedError:
        shapes.append(Square(size=0.5))
    return [shape.describe() for shape in shapes]

# params: {"n": 4}
# returns: ["square of area 16.0", "cube of area 24.0", "square of area 0.2"]
