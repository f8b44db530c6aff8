# tries: the exception chained behind an exception, to reach an error of the sandbox's own code
# layer: language
def run(ctx, params):
    try:
        try:
            1 / 0
        except ZeroDivisionError:
            raise ValueError("outer")
    except ValueError as error:
        return f"ESCAPED: {error.__context__.__traceback__.tb_frame}"
