"""With a simulated audience, very good mentions and replies are recast, within the recasts of a day."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from helpers.conversations import signer

from ceos.simulator import running
from ceos.testing import ManualClock, fake_runtime

#: Recasts are counted by the UTC day; the agent lives two of them.
START = dt.datetime(2026, 3, 2, 0, 30, tzinfo=dt.UTC)
LIMIT = 3


def test_an_audience_gets_recasts_within_the_limit_of_each_day() -> None:
    clock = ManualClock(START)
    audience = {"audience": 60, "audience_zeal": 2, "audience_delay_seconds": 600}
    with (
        running(7, clock=lambda: clock.now().timestamp(), neynar=audience) as simulator,
        fake_runtime(simulator=simulator) as fake,
    ):
        fake.clock.set(START)
        fake.apply(
            schedule={"cron": "0 0 1 1 *"}, signer_uuid=signer(1001), limits={"casts_per_hour": 500},
            engagement={"enabled": True, "recasts_per_day": LIMIT},
        )  # fmt: skip
        for hour in range(0, 28, 2):
            clock.set(START + dt.timedelta(hours=hour))
            fake.clock.set(clock.now())
            if hour % 4 == 0:
                fake.post("ada", key=f"post{hour}")
            fake.runtime.mention_poller.poll("ada")
            fake.drive()
        days = Counter(
            dt.datetime.fromtimestamp(one["at"], dt.UTC).date()
            for one in simulator.timeline()
            if one["what"] == "recast.added" and one["fid"] == 1001
        )
        ended = Counter(run.reason.split(":")[0] for run in fake.runtime.mention_store.mention_runs("ada"))
    assert days and max(days.values()) <= LIMIT, ended
