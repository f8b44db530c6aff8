# tries: throwing into a generator and reading the traceback it leaves
# layer: language
def run(ctx, params):
    def wait():
        try:
            yield 1
        except ValueError as error:
            yield error.__traceback__.tb_frame

    generator = wait()
    next(generator)
    return f"ESCAPED: {generator.throw(ValueError('x'))}"
