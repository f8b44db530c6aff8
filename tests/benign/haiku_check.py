import re
from typing import Final

SHAPE: Final = (5, 7, 5)


def syllables(word: str) -> int:
    count = len(re.findall(r"[aeiouy]+", word))
    return max(count - (word.endswith("e") and not word.endswith("le") and count > 1), 1)


def run(ctx, params):
    lines = [line.strip() for line in ctx.draft[0].split("/")]
    counts = tuple(sum(syllables(word) for word in line.split()) for line in lines)
    if counts == SHAPE:
        return []
    return [f"Line {i} has {have} syllables, not {want}." for i, (have, want) in enumerate(zip(counts, SHAPE), 1) if have != want]

# ctx: {"draft": ["an old silent pond / a frog jumps into the pond / splash silence again"]}
# returns: []
