# tries: the next traceback after one that was made with with_traceback
# layer: language
def run(ctx, params):
    def fail():
        raise ValueError("inner")

    try:
        fail()
    except ValueError as error:
        return f"ESCAPED: {error.with_traceback(None).__traceback__ is None} {run.__code__}"
