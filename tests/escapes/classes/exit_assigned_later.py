# tries: an exit that was not there when the class was made, to be handed the traceback
# layer: language
class Manager:
    def __enter__(self):
        return self


def leave(self, kind, error, traceback):
    self.kept = traceback
    return True


Manager.__exit__ = leave


def run(ctx, params):
    manager = Manager()
    with manager:
        1 / 0
    return f"ESCAPED: {manager.kept}"
