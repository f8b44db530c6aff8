class Named:
    def __init__(self, name, **more):
        super().__init__(**more)
        self.name = name


class Tagged:
    def __init__(self, tags=(), **more):
        super().__init__(**more)
        self.tags = list(tags)


class Item(Named, Tagged):
    def __repr__(self):
        return f"<{type(self).__name__} {self.name} {self.tags}>"

    def copy(self, **changes):
        return type(self)(**{"name": self.name, "tags": self.tags, **changes})


def run(ctx, params):
    item = Item(name=params["name"], tags="ab")
    return [repr(item), repr(item.copy(name="y"))]

# params: {"name": "x"}
# returns: ["<Item x ['a', 'b']>", "<Item y ['a', 'b']>"]
