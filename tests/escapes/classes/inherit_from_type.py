# tries: inheriting from type by its builtin name
# layer: language
class Meta(type):
    pass


def run(ctx, params):
    return f"ESCAPED: {Meta('Other', (), {'__call__': lambda self: 'called'})()()}"
