from collections import namedtuple

Point = namedtuple("Point", ["x", "y"], defaults=[0])


class Named(namedtuple("Named", "name value")):
    def label(self):
        return f"{self.name}={self.value}"


def run(ctx, params):
    points = [Point(*pair) for pair in params["points"]]
    moved = points[0]._replace(x=10)
    return [moved._asdict(), Point(5).y, list(Point._fields), Named("a", 1).label(), max(points).x, repr(moved)]

# params: {"points": [[1, 2], [3, 4]]}
# returns: [{"x": 10, "y": 2}, 0, ["x", "y"], "a=1", 3, "Point(x=10, y=2)"]
