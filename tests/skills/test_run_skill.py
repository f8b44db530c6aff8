"""`ceos.testing.run_skill`, as the author of a skill uses it in a test."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ceos import InvalidInput, SkillFailed, SkillForbidden, SkillOutOfMemory, SkillTimedOut
from ceos.testing import run_skill

#: A gate with a manifest of its own, in one file.
GATE = """\
SKILL = {
    "name": "few",
    "version": "1.0",
    "summary": "Objects to many parts.",
    "stage": "gate",
    "params": {"type": "object", "properties": {"most": {"type": "integer"}}, "additionalProperties": False},
    "grants": {"now": True},
}


def run(ctx, params):
    return f"Too long for {ctx.now.year}." if len(ctx.draft) > params.get("most", 1) else None
"""
NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


def returning(expression: str) -> str:
    """Return a skill without a manifest that returns an expression."""
    return f"def run(ctx, params):\n    return {expression}\n"


@pytest.mark.parametrize(
    "place",
    [
        pytest.param(lambda path: path, id="a path"),
        pytest.param(str, id="a path in words"),
        pytest.param(lambda path: path.read_text(), id="a source"),
    ],
)
def test_a_manifest_counts_wherever_it_comes_from(tmp_path: Path, place: Any) -> None:
    (tmp_path / "few.py").write_text(GATE)
    target = place(tmp_path / "few.py")
    assert run_skill(target, {"most": 1}, draft=["a", "b"], now=NOON) == "Too long for 2026."
    assert run_skill(target, {"most": 2}, draft=["a", "b"], now=NOON) is None


def test_a_source_needs_neither_a_manifest_nor_a_second_line(tmp_path: Path) -> None:
    assert run_skill("def run(ctx, params): return params['n'] + 1", {"n": 1}) == 2
    (tmp_path / "bare.py").write_text(returning("[ctx.topic, ctx.limit, ctx.draft]"))
    assert run_skill(tmp_path / "bare.py", topic="tea") == ["tea", 320, None]


@pytest.mark.parametrize(
    ("grants", "expression", "value"),
    [
        pytest.param("now", "ctx.now.hour", 12, id="one name"),
        pytest.param(["log", "now"], "ctx.log('x')", None, id="several names"),
        pytest.param(["llm"], "ctx.llm_generate('say it')", "gm", id="one that has settings"),
        pytest.param(["chain"], "ctx.chain_read('block')['number']", 7, id="the chain"),
        pytest.param({"http": {"hosts": ["a.example"]}}, "ctx.http_get('https://a.example/')['text']", "hi", id="http"),
    ],
)
def test_grants_are_names_or_as_in_a_manifest(grants: Any, expression: str, value: Any) -> None:
    answers = {"llm": "gm", "http": {"https://a.example/": "hi"}, "chain": {"block": {"number": 7}}}
    assert run_skill(returning(expression), grants=grants, answers=answers, now=NOON) == value


def test_feeds_and_pages_are_read_from_texts_and_from_bytes() -> None:
    url = "https://a.example/feed"
    feed = "<?xml version='1.0' encoding='windows-1251'?><rss><channel><item><title>Да</title></item></channel></rss>"
    source = returning("ctx.http_feed(params['url'])['items'][0]['title']")
    grants = {"http": {"hosts": ["a.example"]}}
    for answer in (feed, feed.encode("cp1251"), {"text": feed.encode("cp1251"), "content_type": "text/xml"}):
        assert run_skill(source, {"url": url}, grants=grants, answers={"http": {url: answer}}) == "Да"
    page = {"text": "<title>Da</title><p>Text.", "content_type": "text/html"}
    source = returning("ctx.http_page(params['url'])['text']")
    assert run_skill(source, {"url": url}, grants=grants, answers={"http": {url: page}}) == "Text."


@pytest.mark.parametrize(
    ("call", "says"),
    [
        pytest.param({"grants": ["nope"]}, "No grant 'nope'. Known: http, llm, memory, metrics, chain, ", id="grant"),
        pytest.param({"grants": ["http"]}, "The grant http needs hosts: ", id="http to nowhere"),
        pytest.param({"grants": {"llm": {"max_tokens": "x"}}}, "grants.llm.max_tokens: ", id="a grant's setting"),
        pytest.param({"drafts": ["gm"]}, "No input 'drafts'. Known: agent, topic, kind, draft, ", id="input"),
        pytest.param(
            {"draft": "gm"}, "draft is a list of strings, the parts of the draft; got a string.", id="one text"
        ),
        pytest.param({"seconds": 0}, "seconds and memory_mb are more than 0.", id="no time"),
        pytest.param({"memory_mb": -1}, "seconds and memory_mb are more than 0.", id="no memory"),
        pytest.param({"now": dt.datetime(2026, 3, 2)}, "now needs a zone, such as datetime.UTC.", id="no zone"),
        pytest.param({"params": {"mots": 1}}, "params.mots: unknown param; did you mean 'most'?", id="param"),
        pytest.param({"draft": None}, "Give a draft=[…]; few is a skill of the stage gate.", id="no draft"),
        pytest.param({"source_or_path": "none.py"}, "none.py: there is no such file", id="path"),
    ],
)
def test_a_call_that_does_not_fit_is_one_clear_sentence(call: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        run_skill(**{"source_or_path": GATE, "draft": ["gm"], **call})
    assert str(caught.value).startswith(says) and len(caught.value.problems) == 1


def test_each_ending_has_an_error_of_its_own() -> None:
    with pytest.raises(SkillForbidden) as forbidden:
        run_skill("def run(ctx, params)\n    return 1\n")
    assert forbidden.value.line == 1
    with pytest.raises(SkillTimedOut):
        run_skill("def run(ctx, params):\n    while True:\n        pass\n", seconds=0.2)
    with pytest.raises(SkillOutOfMemory):
        run_skill(returning("len('x' * 10**9)"), memory_mb=32)
    with pytest.raises(SkillFailed) as failed:
        run_skill("def half(n):\n    return n / 0\n\n\ndef run(ctx, params):\n    print('soon')\n    return half(1)\n")
    assert (failed.value.line, failed.value.log) == (2, ("soon",))
    assert failed.value.traceback == "line 7, in run\n    return half(1)\nline 2, in half\n    return n / 0"


def test_skills_and_runtimes_run_without_pytest() -> None:
    script = (
        "import sys\n"
        "sys.modules['pytest'] = None\n"
        "from ceos.testing import fake_runtime, run_skill\n"
        "print(run_skill('def run(ctx, params): return 2', {}), callable(fake_runtime))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert (done.stdout, done.returncode) == ("2 True\n", 0), done.stderr
