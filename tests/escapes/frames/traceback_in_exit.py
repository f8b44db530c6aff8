# tries: a context manager's exit is handed the traceback; its frame leads out
# layer: language
class Manager:
    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        self.frame = getattr(traceback, "tb_" + "frame")
        return True


def run(ctx, params):
    manager = Manager()
    with manager:
        1 / 0
    return f"ESCAPED: {manager.frame}"
