# tries: a function that calls itself twice when the recursion is too deep
# layer: both
# limits: seconds=0.4
def run(ctx, params):
    def deeper():
        try:
            deeper()
        except RecursionError:
            deeper()
        deeper()

    deeper()
    return "ESCAPED: the recursion ended"
