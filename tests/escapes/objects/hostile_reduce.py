# tries: an object whose reduction runs something where it is unpickled
# layer: language
# plain: nothing here ever pickles
class Trap:
    def __reduce__(self):
        return (eval, ("__import__('os').getpid()",))


def run(ctx, params):
    return {"trap": Trap()}
