"""Agents from TOML: what is accepted, the exact message for everything that is not, and the way back."""

# ruff: noqa: E501  # a row of the table below is a line, or two

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceos.config.agents import export_agents, load_agents, parse_agents
from ceos.config.toml import TomlError, line_numbers, load
from ceos.domain.agent import IMAGE_STYLES, Agent
from ceos.domain.base import MAX_FID
from ceos.domain.judging import JudgeCategory
from ceos.errors import InvalidInput

SECRET = "19d0c5fd-9b33-4a48-a0e2-bc7b0555baec"

# Rows below replace or add lines of this file; the numbers in the messages are its line numbers.
GOOD = """\
[[agent]]
id = "ada"
name = "Ada"
fid = 1001
signer_uuid_env = "ADA_SIGNER_UUID"
[agent.persona]
bio = "Writes about engines."
topics = ["engines"]
[agent.schedule]
cron = "0 9,13,18 * * mon-fri"
"""

FULL = """\
[[agent]]
id = "ada"
name = "Ada"
fid = 1001
signer_uuid_env = "ADA_SIGNER_UUID"
strategy = "text-heavy"
approval = "review"
channel = "base"
long_casts = true

[agent.persona]
bio = "Writes about engines."
tone = '''
Dry. Says "no" often.
C:\\looms'''
topics = ["engines", "looms"]
avoid = ["politics"]
examples = [
    "An engine is a loom # not a comment",
]

[agent.schedule]
cron = ["0 9 * * *", "30 18 * * fri"]
timezone = "America/New_York"
jitter_seconds = 30
quiet_hours = ["23:00-07:00"]
catch_up = "skip"
max_late_minutes = 90

[agent.models]
text = "openai/gpt-4o-mini"
fallbacks = []
image = "recraft"
style = "anime"

[agent.limits]
casts_per_hour = 5
usd_per_day = 1

[[agent.skills]]
name = "rss-headlines"
params = { url = "https://example.org/feed.xml", since = 2026-01-05, "odd key" = [1, 2.5, { deep = true }] }

[[agent.skills]]
name = "mood"

[[agent]]
id = "bob"
name = "Bob"
fid = 1002
signer_uuid = "19d0c5fd-9b33-4a48-a0e2-bc7b0555baec"
persona = { bio = "Writes about boats.", topics = ["boats"] }
schedule.cron = "0 9 * * *"
"""


def problems(text: str) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        parse_agents(text, "agents.toml")
    return caught.value.problems


def test_a_full_file_becomes_agents() -> None:
    ada, bob = parse_agents(FULL, "agents.toml")
    assert (ada.id, ada.strategy, ada.approval, ada.channel, ada.long_casts) == (
        "ada",
        "text-heavy",
        "review",
        "base",
        True,
    )
    assert ada.persona.tone == 'Dry. Says "no" often.\nC:\\looms'
    assert ada.schedule.cron == ("0 9 * * *", "30 18 * * fri")
    assert ada.models.fallbacks == ()
    assert ada.limits.usd_per_day == 1.0
    assert [skill.name for skill in ada.skills] == ["rss-headlines", "mood"]
    assert ada.skills[0].params == {
        "url": "https://example.org/feed.xml",
        "since": dt.date(2026, 1, 5),
        "odd key": [1, 2.5, {"deep": True}],
    }
    assert bob.signer_uuid == SECRET
    assert bob.schedule.cron == ("0 9 * * *",)


def test_what_is_left_out_has_its_default() -> None:
    [ada] = parse_agents(GOOD, "agents.toml")
    assert (ada.strategy, ada.approval, ada.schedule.timezone, ada.limits.casts_per_hour) == (
        "balanced",
        "auto",
        "UTC",
        10,
    )


CRON = 'expected five cron fields such as "0 9,13 * * mon-fri"'
KNOWN = (
    "id, name, fid, signer_uuid_env, signer_uuid, strategy, approval, channel, long_casts, persona, schedule, models, "
    "limits, engagement, trends, output, learning, skills"
)
ONE_SIGNER = "expected exactly one of 'signer_uuid_env' (the name of a variable) and 'signer_uuid'."
MODEL_ID = "expected a model id of the form 'author/name'"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # Keys
        ('name = "Ada"\n', "", "1: agent 'ada', name: required key is missing."),
        ('id = "ada"\n', "", "1: agent 1, id: required key is missing."),
        ('bio = "Writes about engines."\n', "", "6: agent 'ada', persona.bio: required key is missing."),
        ('topics = ["engines"]\n', "", "6: agent 'ada', persona.topics: required key is missing."),
        ("[agent.persona]\nbio", '[[agent.skills]]\n[agent.persona]\nbio', "6: agent 'ada', skills[0].name: required key is "
         "missing."),
        ('[agent.schedule]\ncron = "0 9,13,18 * * mon-fri"\n', "", "1: agent 'ada', schedule: required table is missing; "
         "add [agent.schedule]."),
        ("topics =", "topcis = 1\ntopics =", "8: agent 'ada', persona.topcis: unknown key; did you mean 'topics'?"),
        ("fid =", "cron = 1\nfid =", "4: agent 'ada', cron: unknown key here; it belongs in [agent.schedule]."),
        ("topics =", "strategy = 1\ntopics =", "8: agent 'ada', persona.strategy: unknown key here; it belongs in "
         "[[agent]] or in [agent.engagement]."),
        ("fid =", "params = 1\nfid =", "4: agent 'ada', params: unknown key here; it belongs in [[agent.skills]]."),
        ("fid =", "zzzzzz = 1\nfid =", f"4: agent 'ada', zzzzzz: unknown key; known here: {KNOWN}."),
        ("fid =", '"sk-or-v1-abcdefgh" = 1\nfid =', f"4: agent 'ada', (a key that is not shown): unknown key; known here: "
         f"{KNOWN}."),
        ("fid =", '"a\\nb" = 1\nfid =', f"4: agent 'ada', a\\nb: unknown key; known here: {KNOWN}."),
        # Types
        ("fid = 1001", 'fid = "1001"', "4: agent 'ada', fid: expected a whole number; got '1001'."),
        ("fid = 1001", "fid = 1.0", "4: agent 'ada', fid: expected a whole number; got 1.0."),
        ("fid = 1001", "fid = true", "4: agent 'ada', fid: expected a whole number; got true."),
        ("fid = 1001", "fid = 0", "4: agent 'ada', fid: expected at least 1; got 0."),
        ('name = "Ada"', "name = 5", "3: agent 'ada', name: expected a string; got 5."),
        ('name = "Ada"', "name = 2026-01-05", "3: agent 'ada', name: expected a string; got 2026-01-05."),
        ('name = "Ada"', "name = { first = 1 }", "3: agent 'ada', name: expected a string; got a table."),
        ('name = "Ada"', "name = ['Ada']", "3: agent 'ada', name: expected a string; got a list."),
        ('name = "Ada"', 'name = " "', "3: agent 'ada', name: expected a string that is not empty; got ' '."),
        ('name = "Ada"', f'name = "{"Ada " * 60}"', "3: agent 'ada', name: expected at most 200 characters; got "
         f"{('Ada ' * 60)[:59] + '…'!r}."),
        ('topics = ["engines"]', 'topics = "engines"', "8: agent 'ada', persona.topics: expected a list; got 'engines'."),
        ('topics = ["engines"]', "topics = []", "8: agent 'ada', persona.topics: expected at least one entry; got an empty "
         "list."),
        ('topics = ["engines"]', 'topics = ["engines",\n  5]', "8: agent 'ada', persona.topics[1]: expected a string; got 5."),
        ('topics = ["engines"]', "topics = [5]", "8: agent 'ada', persona.topics[0]: expected a string; got 5."),
        ("fid =", 'long_casts = "yes"\nfid =', "4: agent 'ada', long_casts: expected true or false; got 'yes'."),
        ("fid =", "limits = 5\nfid =", "4: agent 'ada', limits: expected a table; got 5."),
        ("fid =", 'limits.usd_per_day = "2"\nfid =', "4: agent 'ada', limits.usd_per_day: expected a number; got '2'."),
        ("fid =", "limits.usd_per_day = 1e9\nfid =", "4: agent 'ada', limits.usd_per_day: expected at most 10000; got "
         "1000000000.0."),
        ("fid =", "skills = {}\nfid =", "4: agent 'ada', skills: expected a list of tables; write "
         "[[agent.skills]] with two brackets."),
        ("fid =", "skills = [\n'x']\nfid =", "4: agent 'ada', skills[0]: expected a table; got 'x'."),
        # Values
        ('id = "ada"', 'id = "Ada!"', "2: agent 'Ada!', id: expected 1 to 32 lower-case letters, digits, '-' or '_', the "
         "first a letter or digit; got 'Ada!'."),
        ('id = "ada"', "id = 5", "2: agent 1, id: expected a string; got 5."),
        ("fid =", 'approval = "maybe"\nfid =', "4: agent 'ada', approval: expected 'auto' or 'review'; got 'maybe'."),
        ("fid =", 'channel = "Base!"\nfid =', "4: agent 'ada', channel: expected a channel's id: 1 to 16 lower-case letters, "
         "digits or '-'; got 'Base!'."),
        ("fid =", 'models.text = "gpt"\nfid =', f"4: agent 'ada', models.text: {MODEL_ID}; got 'gpt'."),
        ("fid =", 'models.fallbacks = ["a/b", "c"]\nfid =', f"4: agent 'ada', models.fallbacks[1]: {MODEL_ID}; got 'c'."),
        ("fid =", 'models.style = "cubism"\nfid =', f"4: agent 'ada', models.style: expected one of "
         f"{', '.join(IMAGE_STYLES)}; got 'cubism'."),
        ("0 9,13,18 * * mon-fri", "0 99 * * *", f"10: agent 'ada', schedule.cron: {CRON}; the hour '99' in '0 99 * * *' is "
         "not valid."),
        ('"0 9,13,18 * * mon-fri"', '["0 9 * * *", "0 99 * * *"]', f"10: agent 'ada', schedule.cron[1]: {CRON}; the hour "
         "'99' in '0 99 * * *' is not valid."),
        ('"0 9,13,18 * * mon-fri"', "[]", "10: agent 'ada', schedule.cron: expected at least one entry; got an empty list."),
        ("0 9,13,18 * * mon-fri", f"0 {'9' * 200} * * *", f"10: agent 'ada', schedule.cron: {CRON}; got "
         f"'0 {'9' * 57}…'."),
        ("[agent.schedule]", '[agent.schedule]\ntimezone = "Mars"', "10: agent 'ada', schedule.timezone: expected an IANA "
         "time zone such as 'Europe/Berlin'; got 'Mars'."),
        ("[agent.schedule]", "[agent.schedule]\njitter_seconds = 61", "10: agent 'ada', schedule.jitter_seconds: expected at "
         "most 60; got 61."),
        ("[agent.schedule]", '[agent.schedule]\nquiet_hours = ["late"]', "10: agent 'ada', schedule.quiet_hours[0]: expected "
         "a span such as '23:00-07:00'; 'late' is not one."),
        ("[agent.schedule]", '[agent.schedule]\nquiet_hours = ["08:00-20:00"]', "9: agent 'ada', schedule: expected a cron "
         "expression that fires outside the quiet hours at least once in five years."),
        ('"Writes about engines."', f'"{"x " * 9000}"', "6: agent 'ada', persona: expected at most 16,384 bytes in all its "
         "texts together; these have 18,006."),
        # Signers, and whatever looks like a secret
        ('signer_uuid_env = "ADA_SIGNER_UUID"\n', "", f"1: agent 'ada': {ONE_SIGNER}"),
        ("fid =", f'signer_uuid = "{SECRET}"\nfid =', f"1: agent 'ada': {ONE_SIGNER}"),
        ('signer_uuid_env = "ADA_SIGNER_UUID"', 'signer_uuid = ""', "5: agent 'ada', signer_uuid: expected a string that is "
         "not empty; the value is not shown here."),
        ('"ADA_SIGNER_UUID"', f'"{SECRET}"', "5: agent 'ada', signer_uuid_env: expected the name of an environment variable; "
         "the value is not shown here."),
        ("fid =", f'channel = "{SECRET}"\nfid =', "4: agent 'ada', channel: expected a channel's id: 1 to 16 lower-case "
         "letters, digits or '-'; the value is not shown here."),
        ("fid = 1001", 'fid = "sk-or-v1-0123456789"', "4: agent 'ada', fid: expected a whole number; the value is not shown "
         "here."),
        ('id = "ada"', f'id = "{SECRET.upper()}"', "2: agent 1, id: expected 1 to 32 lower-case letters, digits, '-' or '_', "
         "the first a letter or digit; the value is not shown here."),
        ("0 9,13,18 * * mon-fri", SECRET, f"10: agent 'ada', schedule.cron: {CRON} (minute, hour, day-of-month, month, "
         "day-of-week); the value is not shown here."),
        ("[agent.persona]", "[agent.trends]\nchannels = ['base', 'a b']\n[agent.persona]",
         "7: agent 'ada', trends.channels[1]: expected a channel's id: 1 to 16 lower-case letters, digits or '-'; "
         "got 'a b'."),
        # The file
        ("[[agent]]", "[agent]", "1: agent: expected a list of tables; write [[agent]] with two brackets."),
        ("[[agent]]", "agents = 1\n[[agent]]", "1: agents: unknown key; did you mean 'agent'?"),
        ("[[agent]]", "strategy = 1\n[[agent]]", "1: strategy: unknown key here; it belongs in [[agent]] or in "
         "[agent.engagement]."),
        ("[[agent]]", "zzz = 1\n[[agent]]", "1: zzz: unknown key; known here: agent."),
        ("fid = 1001", "fid = ", "4: not valid TOML: Invalid value (column 7)."),
        ('mon-fri"', "mon-fri", "10: not valid TOML: Illegal character '\\n' (column 30)."),
        ("fid = 1001", f"fid = {'9' * 5000}", "1: not valid TOML: a number has too many digits."),
        ("fid = 1001", f"fid = {'[' * 5000}", "1: not valid TOML: nested too deeply."),
    ],
)  # fmt: skip
def test_a_mistake_is_one_exact_sentence(old: str, new: str, message: str) -> None:
    assert old in GOOD
    assert problems(GOOD.replace(old, new, 1)) == [f"agents.toml:{message}"]


def test_categories_of_the_judge_are_read_and_exported_by_name() -> None:
    output = '[agent.output]\nallow_categories = ["politics", "medical-legal"]\n'
    [ada] = parse_agents(GOOD + output, "agents.toml")
    assert ada.output.allow_categories == (JudgeCategory.POLITICS, JudgeCategory.MEDICAL_LEGAL)
    assert parse_agents(export_agents([ada]), "again.toml") == [ada]


@pytest.mark.parametrize("wrong", ['"politik"', "7"])
def test_an_unknown_category_of_the_judge_is_answered_with_the_known_ones(wrong: str) -> None:
    [problem] = problems(GOOD + f"[agent.output]\nallow_categories = [{wrong}]\n")
    assert problem.startswith("agents.toml:12: agent 'ada', output.allow_categories[0]: expected 'order', 'promise', ")
    assert problem.endswith(f"'impersonation' or 'off-persona'; got {wrong.replace(chr(34), chr(39))}.")


def test_a_huge_number_is_not_printed() -> None:
    [problem] = problems(GOOD.replace('"Ada"', f"0x{'f' * 5000}"))
    assert problem == "agents.toml:3: agent 'ada', name: expected a string; got a huge number."


def test_not_a_number_is_refused() -> None:
    [problem] = problems(GOOD.replace("fid =", "limits.usd_per_day = nan\nfid ="))
    assert problem.startswith("agents.toml:4: agent 'ada', limits.usd_per_day: expected at ")


def test_an_empty_file_says_how_an_agent_begins() -> None:
    assert problems("# nothing yet\n") == ["agents.toml: no agent in it; a line [[agent]] begins one."]
    assert problems("agent = []") == ["agents.toml: no agent in it; a line [[agent]] begins one."]


def test_an_agent_that_is_no_table_is_counted() -> None:
    assert problems("agent = [\n5]") == ["agents.toml:1: agent 1: expected a table; got 5."]


def test_an_unfinished_text_is_reported_at_the_end() -> None:
    assert problems(GOOD + '\nx = """abc\n') == [
        "agents.toml:12: not valid TOML: Unterminated string (at the end of the file)."
    ]


def test_all_mistakes_are_reported_in_the_order_of_their_lines() -> None:
    text = GOOD.replace("fid = 1001\n", 'fid = "x"\n').replace('signer_uuid_env = "ADA_SIGNER_UUID"\n', "")
    text = text.replace("topics", "topcis").replace("18", "99") + '[[agent]]\nid = "ada"\n'
    assert [problem.split(": ")[0] + ":" + problem.split(": ")[1] for problem in problems(text)] == [
        "agents.toml:1:agent 'ada'",
        "agents.toml:4:agent 'ada', fid",
        "agents.toml:5:agent 'ada', persona.topics",
        "agents.toml:7:agent 'ada', persona.topcis",
        "agents.toml:9:agent 'ada', schedule.cron",
        "agents.toml:10:agent 'ada', name",
        "agents.toml:10:agent 'ada', fid",
        "agents.toml:10:agent 'ada', persona",
        "agents.toml:10:agent 'ada', schedule",
        "agents.toml:10:agent 'ada'",
        "agents.toml:11:agent 'ada', id",
    ]


def test_no_message_contains_a_secret() -> None:
    for key in ("id", "name", "fid", "strategy", "approval", "channel", "long_casts", "persona", "skills"):
        text = "\n".join(line for line in GOOD.splitlines() if not line.startswith(f"{key} ="))
        text = text.replace("[[agent]]", f'[[agent]]\n{key} = "{SECRET}"')
        try:
            parse_agents(text, "agents.toml")
        except InvalidInput as error:
            assert SECRET not in str(error)
            assert SECRET[:8] not in str(error)


def test_an_id_used_twice_is_named_with_both_places() -> None:
    text = GOOD + GOOD
    assert problems(text) == ["agents.toml:12: agent 'ada', id: already used in agents.toml:2; ids are unique."]
    one_line = 'agent = [{ id = "ada" }, { id = "ada" }]'
    assert "agents.toml:1: agent 'ada', id: already used in agents.toml:1; ids are unique." in problems(one_line)


# Files


def test_files_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(GOOD)
    (tmp_path / "b.toml").write_text(GOOD.replace('"ada"', '"bob"'))
    assert [agent.id for agent in load_agents([tmp_path / "b.toml", str(tmp_path / "a.toml")])] == ["bob", "ada"]


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_bytes(b"\xef\xbb\xbf" + FULL.replace("\n", "\r\n").encode())
    assert load_agents([file]) == parse_agents(FULL, "agents.toml")
    file.write_bytes(GOOD.replace("fid = 1001", "fid = 0").replace("\n", "\r\n").encode())
    with pytest.raises(InvalidInput, match=r"a\.toml:4: agent 'ada', fid: expected at least 1; got 0\."):
        load_agents([file])


def test_every_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    latin, missing, good, again = (
        tmp_path / name for name in ("latin.toml", "missing.toml", "good.toml", "again.toml")
    )
    latin.write_bytes(GOOD.replace("Ada", "Adä").encode("latin-1"))
    good.write_text(GOOD)
    again.write_text(GOOD)
    with pytest.raises(InvalidInput) as caught:
        load_agents([latin, missing, tmp_path, good, again])
    assert caught.value.problems == [
        f"{latin}:3: not UTF-8; save the file with that encoding.",
        f"{missing}: there is no such file.",
        f"{tmp_path}: is a folder; name a file in it.",
        f"{again}:2: agent 'ada', id: already used in {good}:2; ids are unique.",
    ]


# Writing


def test_an_export_is_the_same_agents_and_exports_the_same() -> None:
    agents = parse_agents(FULL, "agents.toml")
    text = export_agents(agents, with_secrets=True)
    assert parse_agents(text, "export") == agents
    assert export_agents(parse_agents(text, "export"), with_secrets=True) == text


def test_an_export_reads_as_an_operator_would_write_it() -> None:
    [ada] = parse_agents(GOOD, "agents.toml")
    text = export_agents([ada])
    assert text.startswith(
        '[[agent]]\nid = "ada"\nname = "Ada"\nfid = 1001\nsigner_uuid_env = "ADA_SIGNER_UUID"\nstrategy = "balanced"\n'
    )
    assert '\n\n[agent.schedule]\ncron = ["0 9,13,18 * * mon-fri"]\ntimezone = "UTC"\n' in text
    assert 'fallbacks = [\n  "openai/gpt-4o-mini",\n' in text


def test_a_literal_signer_is_withheld_unless_asked_for() -> None:
    agents = parse_agents(FULL, "agents.toml")
    text = export_agents(agents)
    assert SECRET not in text
    assert "# signer_uuid is withheld; put it back, or name a variable with signer_uuid_env.\n" in text
    assert f'signer_uuid = "{SECRET}"\n' in export_agents(agents, with_secrets=True)
    assert [line.partition(": ")[2] for line in problems(text)] == [f"agent 'bob': {ONE_SIGNER}"]


def test_a_parameter_that_toml_does_not_know_is_refused() -> None:
    [ada] = parse_agents(GOOD, "agents.toml")
    odd = Agent.model_validate({**ada.model_dump(), "skills": [{"name": "x", "params": {"a": None}}]})
    with pytest.raises(InvalidInput, match="cannot be written to an agent file: TOML has no value for NoneType"):
        export_agents([odd])


people = st.characters(exclude_categories=["Cs", "Cc"])
words = st.text(people, min_size=1, max_size=40).map(str.strip).filter(bool)
prose = st.text(st.one_of(people, st.sampled_from("\"\\\n\r\t#'=[]")), max_size=80)
lines = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("\"\\\n\r\t#'=[]")), max_size=80)
moments = st.datetimes(timezones=st.sampled_from([None, dt.UTC, dt.timezone(dt.timedelta(hours=-5, minutes=-30))]))
values = st.recursive(
    st.one_of(lines, st.integers(), st.floats(allow_nan=False), st.booleans(), moments, st.dates(), st.times()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(lines, inner, max_size=4)),
    max_leaves=8,
)


@st.composite
def described_agents(draw: st.DrawFn) -> list[Agent]:
    ids = draw(
        st.lists(st.from_regex(r"[a-z0-9][a-z0-9_-]{0,31}", fullmatch=True), min_size=1, max_size=3, unique=True)
    )
    return [draw(described_agent(agent_id)) for agent_id in ids]


def described_agent(agent_id: str) -> st.SearchStrategy[Agent]:
    fields: dict[str, st.SearchStrategy[Any]] = {
        "id": st.just(agent_id),
        "name": words,
        "fid": st.integers(1, MAX_FID),
        "approval": st.sampled_from(["auto", "review"]),
        "channel": st.none() | st.just("base"),
        "long_casts": st.booleans(),
        "persona": st.fixed_dictionaries(
            {"bio": words, "tone": prose, "topics": st.lists(words, min_size=1, max_size=3)},
            optional={"avoid": st.lists(words, max_size=3), "examples": st.lists(prose, max_size=3)},
        ),
        "schedule": st.fixed_dictionaries(
            {"cron": st.lists(st.sampled_from(["0 9 * * *", "*/5 * * * 1-5"]), min_size=1, max_size=2)},
            optional={"timezone": st.just("Europe/Berlin"), "quiet_hours": st.just(["23:00-07:00"])},
        ),
        "limits": st.fixed_dictionaries({"usd_per_day": st.floats(0, 10_000)}),
        "skills": st.lists(
            st.fixed_dictionaries({"name": words, "params": st.dictionaries(lines, values, max_size=3)}), max_size=2
        ),
    }
    signer = st.one_of(
        st.fixed_dictionaries({"signer_uuid": lines.filter(bool)}), st.just({"signer_uuid_env": "ADA_SIGNER_UUID"})
    )
    plain = st.fixed_dictionaries(fields)
    return st.builds(lambda one, other: Agent.model_validate(one | other), plain, signer)


@settings(max_examples=60, deadline=None)
@given(described_agents())
def test_any_agents_survive_the_way_out_and_in(agents: list[Agent]) -> None:
    assert parse_agents(export_agents(agents, with_secrets=True), "export") == agents


# Line numbers


def test_line_numbers_see_through_strings_comments_and_brackets() -> None:
    text = (
        '# [x]\na = """\n[no]\nb = 1 \\"""" # "\n"quoted key" = 1\nc.d = [ # ]\n  "]", \'"\',\n]\n'
        "e = '''\n''''\n\n[[t]]\nx = { y = 1 }\n  [t.u]\n  v = ''\n[[t]]\n[[t.w]]\nz = 1\n[[t.w]]\nz = 2\n"
    )
    assert load(text)["e"] == "'"
    assert line_numbers(text) == {
        ("a",): 2,
        ("quoted key",): 5,
        ("c",): 6,
        ("c", "d"): 6,
        ("e",): 9,
        ("t",): 12,
        ("t", 0): 12,
        ("t", 0, "x"): 13,
        ("t", 0, "x", "y"): 13,
        ("t", 0, "u"): 14,
        ("t", 0, "u", "v"): 15,
        ("t", 1): 16,
        ("t", 1, "w"): 17,
        ("t", 1, "w", 0): 17,
        ("t", 1, "w", 0, "z"): 18,
        ("t", 1, "w", 1): 19,
        ("t", 1, "w", 1, "z"): 20,
    }


def test_a_syntax_error_has_its_line() -> None:
    with pytest.raises(TomlError) as caught:
        load("a = 1\nb = \n")
    assert (caught.value.line, str(caught.value)) == (2, "Invalid value (column 5)")


def test_an_unknown_strategy_is_reported_with_its_line_among_the_other_mistakes(tmp_path: Path) -> None:
    file = tmp_path / "ada.toml"
    file.write_text(
        '[[agent]]\nid = "ada"\nname = "Ada"\nfid = 1\nsigner_uuid_env = "A"\nstrategy = "balancd"\nchanel = "base"\n'
        'persona = { bio = "x", topics = ["y"] }\nschedule = { cron = "0 9 * * *" }\n'
    )
    with pytest.raises(InvalidInput) as caught:
        load_agents([file], ["balanced", "text-heavy"])
    assert caught.value.problems == [
        f"{file}:6: agent 'ada', strategy: expected one of balanced, text-heavy; got 'balancd'; did you mean 'balanced'?",
        f"{file}:7: agent 'ada', chanel: unknown key; did you mean 'channel'?",
    ]
