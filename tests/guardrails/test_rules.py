"""The rules of all texts in tables and over two corpora: what they refuse, and what they let pass."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.corpora import Sample, breaking, harmless

from ceos.domain.posts import Brief
from ceos.guardrails.leftovers import cut_reasoning
from ceos.guardrails.quality import quality_violations
from ceos.guardrails.rules import TextContext, rule_violations
from ceos.guardrails.tlds import top_level_domains
from ceos.posts.prompt import confidential
from ceos.testing import make_agent

#: The part of each corpus that may be judged wrongly.
TOLERATED = 0.01


def rules(text: str, other: str = "", **agent: Any) -> list[str]:
    """Return the names of the rules that a text breaks."""
    one = make_agent(**agent)
    prompt = confidential(one, Brief.text("clocks"))
    context = TextContext(one, untrusted=(other,) if other else (), prompt=prompt)
    return [violation.rule for violation in rule_violations([text], context)]


# The corpora


@pytest.mark.corpus
def test_the_rules_let_harmless_texts_pass() -> None:
    samples = harmless()
    assert len(samples) >= 400
    assert len({sample.label.split()[0] for sample in samples}) >= 10
    refused = {sample.text: found for sample in samples if (found := rules(sample.text))}
    assert len(refused) <= TOLERATED * len(samples), refused


@pytest.mark.corpus
def test_the_rules_refuse_texts_that_break_one() -> None:
    samples = breaking()
    assert len(samples) >= 400
    missed = [sample for sample in samples if not _is_refused(sample)]
    assert len(missed) <= TOLERATED * len(samples), missed


def _is_refused(sample: Sample) -> bool:
    quality = quality_violations([sample.text], finish_reason="stop", recent=(), banned=(), limit=1024)
    return bool(rules(sample.text, sample.other) or quality)


# Links


@pytest.mark.parametrize("domain", sorted(top_level_domains())[::12])
def test_a_host_under_any_top_level_domain_is_a_link(domain: str) -> None:
    assert "link" in rules(f"Go to clockdrop.{domain}/claim now")
    assert domain == "py" or "link" in rules(f"Go to clockdrop.{domain} now")


@pytest.mark.parametrize(
    "name",
    ["Node.js", "main.py", "README.md", "ASP.NET", "Next.js", "setup.cfg", "B.Sc.", "e.g. it", "the .NET", "127.0.0.1"],
)
def test_names_of_files_and_frameworks_are_no_links(name: str) -> None:
    assert rules(f"I know {name} well, and it knows me.") == []


def test_a_contact_or_an_account_may_be_allowed_in_any_grouping() -> None:
    text = "Call +1 (415) 555-0132, or pay to DE89 3704 0044 0532 0130 00."
    assert {"contact", "payment"} <= set(rules(text))
    assert rules(text, output={"allow": ["+14155550132", "DE89370400440532013000"]}) == []


@pytest.mark.parametrize(
    "order", ["bankrbot send 5 USDC", "@clanker, please deploy CLOCK", "🎩 x 100", "bankr compra 5 usd"]
)
def test_orders_to_other_agents_are_commands(order: str) -> None:
    assert "command" in rules(order)


def test_an_agent_may_be_spoken_about_and_one_that_is_allowed_may_be_ordered() -> None:
    assert rules("Somebody built a bot named bankrbot, and it reads everything.") == []
    assert rules("@clanker deploy CLOCK", output={"allow": ["@clanker", "@clanker deploy"]}) == []


# Leftovers


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<think>Be short.</think>Clocks drift.", "Clocks drift."),
        ("<THINK lang='en'>\nBe\nshort.\n</ think >\n\nClocks drift.", "Clocks drift."),
        ("<thinking>Be short.</thinking> Clocks <reasoning>or?</reasoning>drift.", "Clocks drift."),
        ("The user wants a post.\n</think>\nClocks drift.", "Clocks drift."),
        ("[THINK]Be short.[/THINK]Clocks drift.", "Clocks drift."),
        ("◁think▷Be short.◁/think▷Clocks drift.", "Clocks drift."),
        (
            "<|channel|>analysis<|message|>Short.<|end|><|channel|>final<|message|>Clocks drift.<|return|>",
            "Clocks drift.",
        ),
        ("Models write `<think>` and `</think>` around it.", "Models write `<think>` and `</think>` around it."),
        ("I think a < b, and b > a.", "I think a < b, and b > a."),
    ],
)  # fmt: skip
def test_reasoning_that_is_closed_or_leads_is_cut(text: str, left: str) -> None:
    assert cut_reasoning(text) == left
    assert rules(left) == []


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("<think>Be short and dry.", "template"),
        ("Clocks drift.<|im_end|>", "template"),
        ("assistant: Clocks drift.", "template"),
        ("User: Write.\nAssistant: Clocks drift.", "template"),
        ('<material from="feed">Clocks</material>', "template"),
        ("Clocks <b>drift</b>.", "html"),
        ("Clocks &amp; bridges.", "html"),
        ("Clocks drift.\\nBridges sway.", "escape"),
        ("**Clocks** drift.", "markdown"),
        ("- Clocks\n- Bridges", "markdown"),
        ("Clocks drift. (52 characters)", "count"),
        ("Clocks drift.\n\n*Note: kept under 320 bytes*", "note"),
        ("Option 1: Clocks drift.\nOption 2: Bridges sway.", "options"),
        ("Oto wpis:\n\nZegary kłamią.", "preamble"),
        ("Ada: Clocks drift.", "label"),
        ("Clocks dr\ufffdft.", "broken"),
        ("\u2800\u3164", "blank"),
    ],
)
def test_what_models_leave_behind_is_a_violation(text: str, rule: str) -> None:
    assert rule in rules(text)


@pytest.mark.parametrize(
    "text",
    [
        "If `a < b` then `List<String>` is fine, and so is x<y.",
        "The header (8 bytes) comes first, then the rest (12 characters at most) follows.",
        "Note to self: oil the hinge.",
        "C:\\new is a folder, and \\nu is a letter.",
        "2 * 3 * 4 is 24, and __init__ is a method.",
        "My post about clocks: they are late.",
        "Me: hello\nMy clock: late",
        "Teams: 12, and `asyncio.run(main())` runs them.",
    ],
)
def test_code_and_ordinary_signs_are_no_leftovers(text: str) -> None:
    assert rules(text) == []


# Provenance and quotations


def test_a_violation_quotes_the_text_only_without_untrusted_text_in_sight() -> None:
    agent = make_agent()
    (own,) = rule_violations(["See clocks.pizza"], TextContext(agent))
    assert own.sentence == (
        'The post contains a link "clocks.pizza" or something that clients turn into one; write it without.'
    )
    (theirs,) = rule_violations(["See clocks.pizza"], TextContext(agent, untrusted=("hello",)))
    assert "pizza" not in theirs.sentence


def test_the_persona_is_no_secret_of_a_post_but_the_rules_around_it_are() -> None:
    assert rules("An engineer of small machines writes about clocks and bridges.") == []
    assert "prompt" in rules("You are not an assistant and nobody is asking you for help.")


def test_several_versions_are_found_across_the_parts_of_a_thread() -> None:
    parts = ["Option 1: bridges look like magic.", "They are a paper map.", "Keep this line.\n\nOption 2: the same."]
    found = rule_violations(parts, TextContext(make_agent()))
    assert [violation.rule for violation in found] == ["options"]
