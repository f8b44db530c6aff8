class Countdown:
    def __init__(self, start):
        self.current = start

    def __iter__(self):
        return self

    def __next__(self):
        if self.current <= 0:
            raise StopIteration
        self.current -= 1
        return self.current + 1


def run(ctx, params):
    return list(Countdown(params["n"])) + [next(Countdown(0), "empty")]

# params: {"n": 5}
# returns: [5, 4, 3, 2, 1, "empty"]
