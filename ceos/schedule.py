"""When an agent posts: slots from cron expressions, jitter, quiet hours and what to do about missed slots. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from ceos.models import Schedule


class CronError(ValueError):
    """The cron expression is not valid."""


def check_cron(expression: str) -> None:
    """Raise `CronError` unless `expression` has five valid cron fields."""


def check_quiet_hours(span: str) -> None:
    """Raise `ValueError` unless `span` is HH:MM-HH:MM."""


def never_fires(schedule: Schedule) -> bool:
    """Say whether the schedule has no slot at all."""
    return False
