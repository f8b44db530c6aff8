# tries: the same with every name put together at run time
# layer: language
def run(ctx, params):
    try:
        1 / 0
    except ZeroDivisionError as error:
        traceback = getattr(error, "__trace" + "back__")
        frame = getattr(traceback, "tb_" + "frame")
        return f"ESCAPED: {getattr(frame, 'f_' + 'back')}"
