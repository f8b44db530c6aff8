# tries: __set_name__ is handed the owner of a descriptor
# layer: language
class Field:
    def __set_name__(self, owner, name):
        self.owner = owner

    def __get__(self, instance, owner):
        return owner.__base__


class Made:
    field = Field()


def run(ctx, params):
    return f"ESCAPED: {Made().field}"
