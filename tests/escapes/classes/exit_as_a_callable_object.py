# tries: an exit that is an object with a call of its own, to be handed the traceback
# layer: language
class Leave:
    def __call__(self, *arguments):
        self.kept = arguments[-1]
        return True


leave = Leave()


class Manager:
    __exit__ = leave

    def __enter__(self):
        return self


def run(ctx, params):
    with Manager():
        1 / 0
    return f"ESCAPED: {leave.kept}"
