from enum import IntEnum


class Priority(IntEnum):
    LOW = 1
    NORMAL = 2
    HIGH = 3


def run(ctx, params):
    items = [(Priority(level), text) for text, level in params["items"]]
    items.sort(reverse=True)
    return [f"{priority.name.lower()}: {text}" for priority, text in items if priority >= Priority.LOW]

# params: {"items": [["buy milk", 1], ["fix prod", 3]]}
# returns: ["high: fix prod", "low: buy milk"]
