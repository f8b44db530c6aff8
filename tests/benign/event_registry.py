HANDLERS = {}


def on(name):
    def register(function):
        HANDLERS[name] = function
        return function

    return register


@on("hello")
def greet(who):
    return f"Hello {who}"


@on("bye")
def leave(who):
    return f"Bye {who}"


def run(ctx, params):
    return [HANDLERS.get(event, lambda who: f"{who}?")("Ada") for event in params["events"]]

# params: {"events": ["hello", "bye", "odd"]}
# returns: ["Hello Ada", "Bye Ada", "Ada?"]
