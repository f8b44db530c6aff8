from enum import StrEnum


class Event(StrEnum):
    LIKE = "like"
    RECAST = "recast"
    REPLY = "reply"


def weight(name):
    if name not in list(Event):
        return 0
    match Event(name):
        case Event.LIKE:
            return 1
        case Event.RECAST | Event.REPLY:
            return 3
    return 0


def run(ctx, params):
    return {name: weight(name) for name in params["events"]}

# params: {"events": ["like", "recast", "mute"]}
# returns: {"like": 1, "recast": 3, "mute": 0}
