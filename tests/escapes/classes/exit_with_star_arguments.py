# tries: an exit with any number of arguments, to be handed the traceback
# layer: language
class Manager:
    def __enter__(self):
        return self

    def __exit__(self, *arguments):
        self.kept = arguments
        return True


def run(ctx, params):
    manager = Manager()
    with manager:
        1 / 0
    if manager.kept[-1] is None:
        return "held: no traceback"
    return f"ESCAPED: {manager.kept[-1]}"
