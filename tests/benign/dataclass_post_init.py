from dataclasses import dataclass
from typing import ClassVar


@dataclass
class Entry:
    line: str
    made: ClassVar[int] = 0

    def __post_init__(self):
        clock, self.title = self.line.split(" ", 1)
        hours, minutes = map(int, clock.split(":"))
        self.minutes = hours * 60 + minutes
        Entry.made += 1


def run(ctx, params):
    entries = [Entry(line) for line in params["lines"]]
    entries.sort(key=lambda entry: entry.minutes)
    return {"first": entries[0].title, "made": Entry.made, "repr": repr(entries[0])[-25:]}

# params: {"lines": ["12:30 lunch", "09:05 standup"]}
# returns: {"first": "standup", "made": 2, "repr": "try(line='09:05 standup')"}
