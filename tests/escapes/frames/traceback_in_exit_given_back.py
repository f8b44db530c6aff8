# tries: handing the traceback that exit is given to the trusted side, in the result
# layer: language
# plain: the traceback itself is no escape, what can be reached from it would be
class Manager:
    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        self.kept = [kind, error, traceback]
        return True


def run(ctx, params):
    manager = Manager()
    with manager:
        1 / 0
    return manager.kept
