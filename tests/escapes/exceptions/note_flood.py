# tries: an error with a megabyte of notes and a message of a megabyte
# layer: language
# plain: raising it is no evidence
def run(ctx, params):
    error = ValueError("m" * 1_000_000)
    for number in range(1000):
        error.add_note("n" * 1000 + str(number))
    raise error
