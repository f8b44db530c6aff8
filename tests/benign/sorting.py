from operator import attrgetter, itemgetter


class Person:
    def __init__(self, name, age):
        self.name, self.age = name, age


def run(ctx, params):
    people = params["people"]
    objects = [Person(*row) for row in people]
    return [
        sorted(people, key=lambda row: (-row[1], row[0])),
        sorted(people, key=itemgetter(1, 0))[0],
        [p.name for p in sorted(objects, key=attrgetter("age", "name"), reverse=True)],
        min(people, key=itemgetter(0)),
        max(objects, key=attrgetter("age")).name,
    ]

# params: {"people": [["Bo", 30], ["Al", 25], ["Cy", 30]]}
# returns: [[["Bo", 30], ["Cy", 30], ["Al", 25]], ["Al", 25], ["Cy", "Bo", "Al"], ["Al", 25], "Bo"]
