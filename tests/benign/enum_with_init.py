from enum import Enum


class Planet(Enum):
    EARTH = (5.976e24, 6.37814e6)
    MARS = (6.421e23, 3.3972e6)

    def __init__(self, mass, radius):
        self.mass = mass
        self.radius = radius

    @property
    def gravity(self):
        return 6.67430e-11 * self.mass / self.radius**2

    def __str__(self):
        return self.name.title()


def run(ctx, params):
    planet = Planet[params["planet"]]
    return f"{planet}: {planet.gravity:.2f}", isinstance(planet, Enum)

# params: {"planet": "EARTH"}
# returns: ["Earth: 9.80", true]
