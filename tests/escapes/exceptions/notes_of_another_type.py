# tries: the notes of an exception replaced by something that is no list of texts
# layer: language
# plain: the reports of plain Python cope with such notes
class Notes:
    def __iter__(self):
        return run.__globals__


def run(ctx, params):
    error = ValueError("x")
    error.__notes__ = Notes()
    raise error
