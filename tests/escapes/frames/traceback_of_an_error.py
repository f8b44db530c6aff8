# tries: an exception's traceback leads to the frames of the caller
# layer: language
def run(ctx, params):
    try:
        1 / 0
    except ZeroDivisionError as error:
        frame = error.__traceback__.tb_frame.f_back
        return f"ESCAPED: {frame}"
