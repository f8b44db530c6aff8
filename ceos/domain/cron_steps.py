"""The steps of cron expressions: one that is longer than its field fires once, not as often as it looks."""

from __future__ import annotations

import re

#: Name, lowest and highest value of each field; the last day of the week is Saturday, and 7 is Sunday again.
_FIELDS = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day-of-month", 1, 31),
    ("month", 1, 12),
    ("day-of-week", 0, 6),
)
_STEP = re.compile(r"(\*|\w+)(?:-\w+)?/(\d+)")


def too_long_step(expression: str) -> str:
    """Return a sentence about the first step that is longer than its field, or an empty string.

    >>> too_long_step("*/90 * * * *")
    "the step '*/90' is longer than the field minute (0 to 59): it would fire at minute 0 only, not every 90"
    """
    for (name, lowest, highest), field in zip(_FIELDS, expression.split(), strict=False):
        for part in field.split(","):
            match = _STEP.fullmatch(part)
            if match is None or int(match[2][:6]) <= highest - lowest:
                continue
            start = lowest if match[1] == "*" else match[1]
            return (
                f"the step {part!r} is longer than the field {name} ({lowest} to {highest}): "
                f"it would fire at {name} {start} only, not every {match[2]}"
            )
    return ""
