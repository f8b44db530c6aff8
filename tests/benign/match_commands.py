class Quit(Exception):
    pass


def parse(command):
    match command.split():
        case ["go", ("north" | "south") as direction]:
            return {"move": direction}
        case ["take", *words]:
            return {"take": " ".join(words)}
        case [single]:
            return {single: True}
        case words:
            return {"unknown": len(words)}


def kind(value):
    match value:
        case Quit():
            return "quit"
        case str() | int():
            return "plain"
        case (float(x), float(y)):
            return x + y


def run(ctx, params):
    return [parse(command) for command in params["commands"]] + [kind(Quit()), kind("x"), kind((1.5, 2.5))]

# params: {"commands": ["go north", "take the lamp", "look", "dance wildly now"]}
# returns: [{"move": "north"}, {"take": "the lamp"}, {"look": true}, {"unknown": 3}, "quit", "plain", 4.0]
