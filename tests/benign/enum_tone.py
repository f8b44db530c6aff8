from enum import Enum, auto


class Tone(Enum):
    DRY = "dry"
    WARM = "warm"

    @classmethod
    def parse(cls, text):
        try:
            return cls(text)
        except ValueError:
            return cls.WARM

    def greeting(self):
        return {Tone.DRY: "Hello.", Tone.WARM: "Hello there, friend!"}[self]


class Step(Enum):
    FIRST = auto()
    SECOND = auto()


def run(ctx, params):
    tone = Tone.parse(params["tone"])
    return [tone.name, tone.value, tone.greeting(), Tone.parse("odd").name, [step.value for step in Step], len(Tone)]

# params: {"tone": "dry"}
# returns: ["DRY", "dry", "Hello.", "WARM", [1, 2], 2]
