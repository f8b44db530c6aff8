"""Steps of cron expressions that fire less often than they look."""

from __future__ import annotations

import pytest

from ceos.domain.cron_steps import too_long_step
from ceos.domain.schedule import CronError, check_cron


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("*/90 * * * *", "the step '*/90' is longer than the field minute (0 to 59): it would fire at minute 0 only"),
        ("*/60 * * * *", "it would fire at minute 0 only, not every 60"),
        ("0 */24 * * *", "the field hour (0 to 23): it would fire at hour 0 only, not every 24"),
        ("0 0 */31 * *", "it would fire at day-of-month 1 only, not every 31"),
        ("0 0 1 */12 *", "it would fire at month 1 only, not every 12"),
        ("0 0 * * */7", "it would fire at day-of-week 0 only, not every 7"),
        (
            "10-20/60 * * * *",
            "the step '10-20/60' is longer than the field minute (0 to 59): it would fire at minute 10",
        ),
        ("0 8,9-12/24 * * *", "it would fire at hour 9 only, not every 24"),
        ("0 0 * * mon-fri/7", "it would fire at day-of-week mon only, not every 7"),
    ],
)
def test_a_step_that_never_comes_again_is_an_error_that_says_when_it_would_fire(cron: str, words: str) -> None:
    assert words in too_long_step(cron)
    with pytest.raises(CronError, match="is longer than"):
        check_cron(cron)


@pytest.mark.parametrize(
    "cron",
    [
        "*/59 * * * *", "*/45 * * * *", "0 */23 * * *", "0 0 */30 * *", "0 0 1 */11 *", "0 0 * * */6",
        "10-20/10 * * * *", "0 0 * * mon-fri/4", "5/15 * * * *", "20-23/5 * * * *", "0 9,13 * * mon-fri",
    ],
)  # fmt: skip
def test_a_step_within_its_field_is_none(cron: str) -> None:
    assert too_long_step(cron) == ""
    check_cron(cron)
