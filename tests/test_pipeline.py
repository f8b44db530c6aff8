"""The road of one post, with a real server and simulated services."""

from __future__ import annotations

from ceos.testing import FakeRuntime


def test_a_manual_post_is_published_once_and_leaves_a_record(fake_runtime: FakeRuntime) -> None:
    fake_runtime.apply()
    run = fake_runtime.post(text="Clocks drift. Measure twice.")
    assert (run.status, run.reason) == ("published", "")
    assert [cast["text"] for cast in fake_runtime.casts()] == ["Clocks drift. Measure twice."]
    assert run.hashes == (fake_runtime.casts()[0]["hash"],)
