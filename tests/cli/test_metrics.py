"""`ceos metrics`: tables, plots, files, scores, advice and JSON, with data and without."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.metric_samples import HOUR, MONDAY, add_followers, add_post
from helpers.terminal import Terminal, terminal

from ceos.cli.metrics import since_when
from ceos.domain.posts import Kind
from ceos.errors import InvalidInput
from ceos.metrics.charts import MAX_AGENTS
from ceos.testing import FakeRuntime

DAY = 24 * HOUR
NOW = MONDAY + 10 * DAY
SCHEDULE = {"cron": "0 9,13,18 * * *", "jitter_seconds": 0}


@pytest.fixture(name="run")
def run_fixture(capsys: pytest.CaptureFixture[str]) -> Iterator[Terminal]:
    with terminal(capsys) as run:
        yield run


@pytest.fixture(name="fake")
def fake_fixture(fake_runtime: FakeRuntime) -> FakeRuntime:
    fake_runtime.clock.set(NOW)
    return fake_runtime


@pytest.fixture(name="ada")
def ada_fixture(fake: FakeRuntime) -> FakeRuntime:
    """An agent with ten days of numbers, in which media and the morning do best, and a gap of twelve hours."""
    fake.apply(schedule=SCHEDULE, learning="advise")
    fill(fake, "ada")
    return fake


def fill(fake: FakeRuntime, agent_id: str) -> None:
    hours: list[int | None] = [200 + hour // 8 for hour in range(240)]
    hours[100:112] = [None] * 12
    add_followers(fake.runtime, MONDAY, hours, agent_id=agent_id)
    kinds = [Kind.MEDIA, Kind.ORIGINAL, Kind.THREAD, Kind.ENGAGEMENT]
    for number in range(30):
        kind, hour = kinds[number % 4], (9, 13, 18)[number % 3]
        likes = (30 if kind is Kind.MEDIA else 4) + {9: 9, 13: 4, 18: 0}[hour]
        at = MONDAY + number // 3 * DAY + hour * HOUR
        add_post(fake.runtime, at, kind=kind, likes=likes, agent_id=agent_id)


def test_a_table_shows_account_and_posts_and_one_agent_its_posts(ada: FakeRuntime, run: Terminal) -> None:
    done = run("metrics", "ada", "--since", "2w")
    assert done.code == 0
    account, reactions = (line.split() for line in done.out.splitlines() if line.startswith("ada"))
    assert account[1:] == ["229", "+29", "12", "239"]
    assert reactions[1] == "30"
    assert "Posts, newest first (15 of 30)" in done.out
    assert re.search(r"2026-03-11 18:00 +original +24 h +4 +1 +1 +0 +", done.out)


def test_several_agents_share_a_table_and_no_name_means_all(ada: FakeRuntime, run: Terminal) -> None:
    ada.apply(id="ben", fid=1002)
    done = run("metrics")
    assert [line.split()[0] for line in done.out.splitlines()[1:4]] == ["agent", "ada", "ben"]
    assert run("metrics", "--all").out == run("metrics", "ada", "ben").out == done.out
    assert "ben: its account was not counted in this time; workers count every hour; no post was measured" in done.out


def test_without_agents_and_without_numbers_it_says_so(fake: FakeRuntime, run: Terminal) -> None:
    assert run("metrics").out == "No agents yet; 'ceos agent apply FILE' makes one.\n"
    assert run("metrics", "--json").data["agents"] == []
    fake.apply()
    assert "1, 6, 24 and 168 hours after publication" in run("metrics", "--plot").out
    assert "A week is scored on the Tuesday after it" in run("metrics", "--score").out
    assert (
        "0 posts of ada were measured while its followers were known; advice needs 12."
        in run("metrics", "--advice").out
    )
    nothing = run("metrics", "--out", "x.png")
    assert (nothing.code, nothing.out) == (0, "")
    assert "nothing to draw" in nothing.err
    assert not Path("x.png").exists()
    assert run("metrics", "--out", "x.pdf").code == 2


def test_one_count_of_an_account_tells_no_change(fake: FakeRuntime, run: Terminal) -> None:
    fake.apply()
    add_followers(fake.runtime, fake.clock.now(), [200])
    fake.clock.advance(hours=2)
    row = next(line for line in run("metrics").out.splitlines() if line.startswith("ada"))
    assert row.split() == ["ada", "200", "-", "12", "0"]
    assert "numbers    200 followers;  no week" in run("agent", "show", "ada").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("metrics", "eve"), "No agent named 'eve'"),
        (("metrics", "--since", "soon"), "use 24h, 7d, 4w or 2026-01-31"),
        (("metrics", "--since", "2030-01-01"), "lies in the future"),
        (("metrics", "--since", "99999w"), "is neither a span nor a date"),
        (("metrics", "--since", "0d"), "is neither a span nor a date"),
        (("metrics", "ada", "--all"), "not both"),
        (("metrics", "--plot", "--json"), "A plot is not JSON"),
        (("metrics", "--out", "x.pdf"), "neither a .png nor an .svg file"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_sentence(
    ada: FakeRuntime, run: Terminal, words: tuple[str, ...], message: str
) -> None:
    done = run(*words)
    assert done.code == 2
    assert message in " ".join(done.err.split())


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("24h", NOW - DAY),
        ("7D", NOW - 7 * DAY),
        ("2w", NOW - 14 * DAY),
        ("2026-03-01", dt.datetime(2026, 3, 1, tzinfo=dt.UTC)),
        ("2026-03-01T12:00+02:00", dt.datetime(2026, 3, 1, 10, tzinfo=dt.UTC)),
    ],
)
def test_since_is_a_span_or_a_date(text: str, moment: dt.datetime) -> None:
    assert since_when(text, NOW) == moment
    with pytest.raises(InvalidInput):
        since_when(f"{text}x", NOW)


# Pictures


def test_a_plot_fits_into_eighty_columns_and_has_no_colours_in_a_pipe(ada: FakeRuntime, run: Terminal) -> None:
    out = run("metrics", "ada", "--plot", "--since", "9d").out
    assert max(map(len, out.splitlines())) <= 80
    assert "\x1b" not in out
    assert "Followers of ada" in out and "Reactions by day of the posts of ada" in out
    assert "█ likes  ▓ recasts  ▒ replies  ░ quotes" in out
    assert "Mar 03" in out
    assert run("metrics", "ada", "--plot", "--since", "9d").out == out


def test_several_agents_are_told_apart_in_a_plot_and_too_many_are_refused(ada: FakeRuntime, run: Terminal) -> None:
    for number in range(MAX_AGENTS):
        ada.apply(id=f"agent-{number}", fid=2000 + number)
    fill(ada, "agent-0")
    out = run("metrics", "ada", "agent-0", "--plot").out
    assert "● ada" in re.sub(r"●+", "●", out) and "○ agent-0" in re.sub(r"○+", "○", out)
    assert max(map(len, out.splitlines())) <= 80
    refused = run("metrics", "--plot")
    assert (refused.code, "name up to 6 of them" in refused.err) == (2, True)


def test_a_gap_is_a_gap_in_the_line(ada: FakeRuntime) -> None:
    from ceos.metrics import charts
    from ceos.metrics.report import report

    pieces = charts._followers(report(ada.runtime.series, "ada", MONDAY, NOW))
    assert [len(piece) for piece in pieces] == [100, 128]


def test_a_picture_without_its_library_names_the_extra_before_anything_is_read(
    ada: FakeRuntime, run: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ceos.cli.metrics.find_spec", lambda name: None)
    done = run("metrics", "ada", "--out", "x.png")
    assert (done.code, done.out) == (2, "")
    assert done.err.strip() == "Pictures need the extra 'plots'; install it with: pip install 'ceos[plots]'."


@pytest.mark.parametrize(("name", "beginning"), [("a.png", b"\x89PNG"), ("a.SVG", b"<?xml")])
def test_the_same_numbers_give_the_same_file(
    ada: FakeRuntime, run: Terminal, tmp_path: Path, name: str, beginning: bytes
) -> None:
    digests = set()
    for _ in range(2):
        path = tmp_path / name
        assert run("metrics", "ada", "--out", str(path)).out == f"{path} is written.\n"
        found = path.read_bytes()
        assert found.startswith(beginning)
        digests.add(hashlib.sha256(found).hexdigest())
    assert len(digests) == 1


def test_a_file_that_cannot_be_written_is_said(ada: FakeRuntime, run: Terminal, tmp_path: Path) -> None:
    done = run("metrics", "ada", "--out", str(tmp_path / "nowhere" / "a.png"))
    assert (done.code, "cannot be written: No such file or directory" in done.err) == (1, True)


def test_a_file_for_several_agents_and_one_without_posts(ada: FakeRuntime, run: Terminal, tmp_path: Path) -> None:
    ada.apply(id="ben", fid=1002)
    add_followers(ada.runtime, NOW - 3 * HOUR, [5], agent_id="ben")
    for words in (("ada", "ben"), ("ben",)):
        path = tmp_path / f"{len(words)}.svg"
        assert run("metrics", *words, "--out", str(path)).code == 0
        assert path.stat().st_size > 5000


# Long spans


def test_a_long_span_goes_on_with_days_where_there_are_no_hours_any_more(fake: FakeRuntime, run: Terminal) -> None:
    fake.apply()
    for day in range(80):
        add_followers(fake.runtime, MONDAY + day * DAY, [100 + day] * 3)
        add_post(fake.runtime, MONDAY + day * DAY, likes=day)
        fake.runtime.series.fold("ada", MONDAY + day * DAY + 5 * HOUR)
    fake.clock.set(MONDAY + 80 * DAY)
    data = run("metrics", "--json", "--since", "2026-03-02").data["agents"][0]
    dates = [point["at"][:10] for point in data["points"]]
    assert [point["followers"] for point in data["points"] if point["daily"]] == list(range(100, 149))
    assert (dates[0], dates[-1], len(dates)) == ("2026-03-02", "2026-05-20", 49 + 31 * 3)
    assert [day["likes"] for day in data["days"]] == list(range(80))
    assert "Followers of ada" in run("metrics", "--plot", "--since", "90d").out


# Scores, advice, JSON


def test_scores_are_listed_with_their_parts(ada: FakeRuntime, run: Terminal) -> None:
    ada.runtime.scoring.settle("ada", NOW)
    out = run("metrics", "ada", "--score").out
    lines = [line for line in out.splitlines() if line.startswith("ada")]
    assert [re.split(r" {2,}", line)[1] for line in lines] == ["2026-W10", "2026-W11 so far"]
    assert all(0 <= float(part) <= 100 for part in re.split(r" {2,}", lines[0])[2:7])


def test_advice_says_what_it_would_change_and_how_sure_it_is(ada: FakeRuntime, run: Terminal) -> None:
    out = run("metrics", "ada", "--advice").out
    assert "ada: learning advise, 30 measured posts" in out
    assert re.search(r"Media is almost surely the best kind: [\d.]+ times the usual reactions in 8 posts", out)
    assert re.search(r"The probability that media does better is (over )?\d+%", out)
    assert re.search(r"The mix would become: media 20% → \d\d%, ", out)
    assert re.search(r"Posts at 9:00 do best \(.*\), those at 18:00 worst", out)
    assert 'learning = "on" in the agent file applies the changes' in out
    assert run("metrics", "ada", "--advice").out == out


def test_advice_without_a_difference_says_that_too(fake: FakeRuntime, run: Terminal) -> None:
    fake.apply(schedule={"cron": "0 9 * * *"}, learning="on")
    for day in range(24):
        kind = (Kind.MEDIA, Kind.ORIGINAL, Kind.THREAD, Kind.ENGAGEMENT)[day % 4]
        add_post(fake.runtime, NOW - (day + 2) * DAY + 9 * HOUR, kind=kind, likes=5 + day // 4 % 3)
    out = run("metrics", "ada", "--advice").out
    assert "No kind is clearly better than another" in out
    assert "hours cannot be compared" in out
    assert "Learning is on" in out


def test_a_strategy_without_shares_has_no_mix_to_change(ada: FakeRuntime, run: Terminal) -> None:
    from ceos.metrics.report import advice

    found = advice(ada.runtime.scoring, ada.runtime.agents.agent("ada"), {}, NOW)
    assert (found.kinds, found.sentences[0]) == (
        (),
        "The strategy 'balanced' has no fixed shares, so there is no mix to change.",
    )


def test_json_has_one_shape_with_and_without_numbers(ada: FakeRuntime, run: Terminal) -> None:
    ada.apply(id="ben", fid=1002)
    ada.runtime.scoring.settle("ada", NOW)
    data = run("metrics", "--json", "--score", "--advice").data
    assert data.keys() == {"since", "until", "agents"}
    full, empty = data["agents"]
    assert full.keys() == empty.keys() == {"agent", "points", "days", "posts", "scores", "advice"}
    assert full["points"][0].keys() == {"at", "followers", "following", "storage", "daily"}
    assert full["days"][0].keys() == {"date", "posts", "likes", "recasts", "replies", "quotes"}
    assert full["posts"][0].keys() == {
        *("slot", "at", "kind", "parts", "followers", "likes", "recasts", "replies", "quotes"),
        *("measured_at", "times_usual"),
    }
    assert full["scores"][0].keys() == {"score", "inputs", "is_final"}
    assert (
        full["advice"].keys()
        == empty["advice"].keys()
        == {
            *("learning", "posts", "is_enough", "kinds", "hours", "sentences"),
        }
    )
    assert empty["scores"] == []


def test_a_real_post_shows_up_in_the_numbers(fake: FakeRuntime, run: Terminal) -> None:
    fake.apply()
    run_id = fake.post(kind=Kind.ORIGINAL).id
    fake.runtime.measuring.count()
    fake.clock.advance(hours=1)
    fake.runtime.pipeline.measure(run_id)
    client: Any = fake.runtime.database.client
    assert client.hlen("ceos:posts:ada") == 1
    (row,) = run("metrics", "--json", "--since", "24h").data["agents"]
    assert (len(row["points"]), len(row["posts"]), row["posts"][0]["kind"]) == (1, 1, "original")


def test_agent_show_tells_followers_score_and_learning(ada: FakeRuntime, run: Terminal) -> None:
    ada.runtime.scoring.settle("ada", NOW)
    line = next(line for line in run("agent", "show", "ada").out.splitlines() if line.startswith("numbers"))
    assert re.fullmatch(
        r"numbers    229 followers \(\+20 in 7 days\);  score \d\d\.\d in 2026-W10;  learning advise", line
    )
    (document,) = run("agent", "show", "ada", "--json").data
    assert (document["numbers"]["followers"], document["numbers"]["week"]) == (229, "2026-W10")
    ada.apply(id="ben", fid=1002)
    assert "followers not counted yet;  no week scored yet;  learning off" in run("agent", "show", "ben").out
