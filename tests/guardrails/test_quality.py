"""The quality of drafts: refused texts, texts that pass, and the wording of violations."""

from __future__ import annotations

import pytest

from ceos.domain.sketch import Sketched
from ceos.domain.text import CAST_BYTES
from ceos.guardrails.quality import quality_violations


def review(*parts: str, finish_reason: str | None = "stop", recent=(), banned=(), limit: int = CAST_BYTES) -> list[str]:
    earlier = [Sketched.of(text) for text in recent]
    return quality_violations(parts, finish_reason=finish_reason, recent=earlier, banned=banned, limit=limit)


GOOD = [
    ("gm", "two letters are a post"),
    ("🔥🔥", "an emoji is something"),
    ("今日もいい天気ですね。", "Japanese"),
    ("42", "a number is something"),
    ("Sure, prices fell. They always do in August.", "'Sure' as an ordinary word"),
    ("Sure! Prices fell.", "'Sure!' without an announcement"),
    ("Certainly not the last fork we will see.", "'Certainly' in a sentence"),
    ("Of course it rained on launch day.", "'Of course' in a sentence"),
    ("Absolutely! This is the year of the L2.", "an exclamation alone"),
    ("Great, here we go again: gas is at 2 gwei.", "'here we' is not 'here is'"),
    ("Okay, I'll take that bet.", "an answer, not an announcement"),
    ("Here's a thought: fees are a feature.", "a colon after something that is no post"),
    ("Here is the thread that changed my mind about rollups.", "talks about a thread"),
    ("Here's the post I keep coming back to. Read it twice.", "talks about a post"),
    ("Thread: why gas fees fell", "people open threads like this"),
    ("1/ Blobs are cheap. Here is why.", "people number threads"),
    ("As an AI researcher once told me, data is the new gas.", "about someone else"),
    ("As an AI agent, I paid three invoices today.", "an agent may say what it is"),
    ("As an AI, I never sleep, so here is the 3 am chart.", "an agent may say what it is and do its job"),
    ("As a language nerd, I love Solidity's keywords.", "not a model"),
    ("I'm sorry, but the merge is still the best upgrade ever.", "an opinion, no refusal"),
    ("Sorry to everyone who shorted. It was a good week.", "an apology, no refusal"),
    ("I can't help but smile at this chart.", "'can't help but'"),
    ("I can't write Rust without coffee.", "cannot write, but posts"),
    ("I won't sell. I won't even look.", "a resolution"),
    ("Unfortunately the bridge was down all morning.", "bad news"),
    ("\"I'm sorry, I can't do that\" is the new 404.", "quotes a refusal at the start"),
    ("My toaster now says I'm sorry, I can't help with that. Progress.", "quotes a refusal later on"),
    ("Lo siento por los que vendieron ayer.", "Spanish, no refusal"),
    ("Tut mir leid für alle, die gestern verkauft haben.", "German, no refusal"),
    ("Désolé pour le silence, la semaine fut longue.", "French, no refusal"),
    ("Kann ich nur empfehlen: früh aufstehen und nicht helfen wollen.", "German words of a refusal apart"),
    ("Use f-strings: f'{value}' beats '%s'.", "braces in code"),
    ("Sets like {braces} are underrated.", "an unknown name in braces"),
    ("In Jinja, `{{ user }}` prints the user.", "a template quoted as code"),
    ("Read [your guide to gas](https://example.org/gas).", "a link, no placeholder"),
    ("TIL: [1, 2, 3] is a list and {} is a dict.", "JSON-like text inside a sentence"),
    ("[Breaking] Base fees hit a new low.", "a bracketed word at the start"),
    ("{ } is my favourite emoji", "starts with a brace"),
    ("Try this:\n```\nprint('gm')\n```\nIt works.", "code within a post"),
    ("Let me know if you want to join on Friday.", "an invitation"),
    ("Feel free to fork it.", "an invitation"),
    ("Post-quantum wallets are coming.", "a word that begins like a label"),
    ("Cast iron is the best L1.", "a word that begins like a label"),
    ("Split the bill --- share the gas.", "dashes without the marker"),
    ("a < b and b > c", "comparison signs"),
    ("Réponse : non, pas aujourd'hui.", "French spacing before a colon"),
]

BAD = [
    ("", "is empty", "nothing"),
    (" \n ", "is empty", "white space"),
    ("...", "is empty", "only punctuation"),
    ("—!?", "is empty", "only punctuation"),
    ("I'm sorry, but I can't help with that.", "declines", "straight apostrophes"),
    ("I’m sorry, but I can’t help with that.", "declines", "curly apostrophes"),
    ("**I'm sorry**, I cannot create that.", "declines", "in bold"),
    ("I can't help with posts about that token.", "declines", "no apology"),
    ("I cannot write a post about this topic.", "declines", "names the task"),
    ("I won't generate content that could mislead.", "declines", "content"),
    ("Sorry, I am unable to fulfill this request.", "declines", "unable"),
    ("Unfortunately, I can't assist with that.", "declines", "unfortunately"),
    ("As an AI language model, I do not have opinions.", "declines", "the classic"),
    ("As an AI, I can't predict prices.", "declines", "short form"),
    ("Prices fell. As an AI assistant, I find that sad.", "declines", "the model's voice later on"),
    ("Lo siento, pero no puedo ayudarte con eso.", "declines", "Spanish"),
    ("Como modelo de lenguaje, no tengo opiniones.", "declines", "Spanish, model"),
    ("Es tut mir leid, aber dabei kann ich nicht helfen.", "declines", "German"),
    ("Als KI kann ich keine Anlageberatung geben.", "declines", "German, model"),
    ("Je suis désolé, mais je ne peux pas écrire cela.", "declines", "French"),
    ("En tant qu’IA, je ne peux pas donner d'avis.", "declines", "French, model"),
    ("Desculpe, mas não posso ajudar com isso.", "declines", "Portuguese"),
    ("申し訳ありませんが、そのご依頼にはお応えできません。", "declines", "Japanese"),
    ("抱歉，我无法帮助你。", "declines", "Chinese"),
    ("Here is your post:\n\nGas is cheap.", "remark", "preamble"),
    ("Here’s your post: Gas is cheap.", "remark", "curly apostrophe"),
    ("**Here's a short post about gas:**\nGas is cheap.", "remark", "in bold"),
    ("Sure! Here's one about gas.\nGas is cheap.", "remark", "sure"),
    ("Sure — here is a draft.\nGas is cheap.", "remark", "sure with a dash"),
    ("Certainly! Gas is cheap.", "remark", "certainly"),
    ("Of course! I'll write about gas.", "remark", "announces"),
    ("Tweet: Gas is cheap.", "remark", "label"),
    ("**Cast 1/3:** Gas is cheap.", "remark", "numbered label in bold"),
    ("Cast 1/3 Gas is cheap.", "remark", "numbered label without a colon"),
    ("Post 2 of 4: Gas is cheap.", "remark", "label with 'of'"),
    ("Aquí tienes tu publicación:\nEl gas está barato.", "remark", "Spanish"),
    ("Hier ist dein Beitrag: Gas ist billig.", "remark", "German"),
    ("Voici votre publication : le gaz est bon marché.", "remark", "French"),
    ("Gas is cheap.\n\nLet me know if you'd like any changes!", "offer", "offer"),
    ("Gas is cheap.\nWould you like me to make it shorter?", "offer", "question"),
    ('{"text": "Gas is cheap."}', "JSON", "object"),
    ('["Gas is cheap.", "Very."]', "JSON", "array"),
    ('{"text": "Gas is che', "JSON", "object broken off"),
    ('```json\n{"text": "Gas"}\n```', "JSON", "fenced"),
    ("```\nGas is cheap.\n```", "JSON", "fenced text"),
    ("[" * 100_000 + "1" + "]" * 100_000, "200,001 bytes", "nested deeper than a parser goes"),
    ("Gas is cheap. [insert link]", "[insert link]", "placeholder"),
    ("Gas is cheap, says [Your Name].", "[Your Name]", "placeholder"),
    ("Read more: [link]", "[link]", "placeholder"),
    ("[Image: a cat at sunrise] gm", "[Image: a cat", "description of a picture"),
    ("Today's topic is {topic}.", "{topic}", "template field"),
    ("Hello {{ name }}!", "{{ name }}", "template field"),
    ("Hello <your name>!", "<your name>", "placeholder"),
    ("Gas.\n---SPLIT---\nIs cheap.", "split marker", "leftover marker"),
    ("Gas --- split --- cheap", "split marker", "misspelt marker"),
    ("é" * 161, "322 bytes", "bytes, not characters"),
]


@pytest.mark.parametrize(("text", "shows"), GOOD)
def test_a_good_post_passes(text: str, shows: str) -> None:
    assert review(text) == [], shows


@pytest.mark.parametrize(("text", "objection", "shows"), BAD, ids=range(len(BAD)))
def test_a_bad_post_is_refused(text: str, objection: str, shows: str) -> None:
    found = review(text)
    assert any(objection in line for line in found), (shows, found)


@pytest.mark.parametrize(
    ("finish_reason", "objection"),
    [
        ("length", "The post is cut off; write it shorter and finish the last sentence."),
        ("content_filter", "The post was stopped by the content filter; write about the topic in a harmless way."),
        ("error", "The post broke off with an error; write it again from the beginning."),
        ("stop", None),
        (None, None),
        ("tool_calls", None),
    ],
)
def test_the_finish_reason_counts(finish_reason: str | None, objection: str | None) -> None:
    assert review("Gas is cheap.", finish_reason=finish_reason) == ([objection] if objection else [])


@pytest.mark.parametrize(
    ("text", "banned", "used"),
    [
        ("Buy now!", "buy", True),
        ("BUY now!", "buy", True),
        ("buyers beware", "buy", False),
        ("to-the-moon", "moon", True),
        ("moonlight", "moon", False),
        ("to the\n moon", "to the moon", True),
        ("not  financial   advice", "Not Financial Advice", True),
        ("ÉTHIQUE d'abord", "éthique", True),
        ("e\u0301thique", "éthique", True),
        ("STRASSE", "straße", True),
        ("don’t sell", "don't sell", True),
        ("get $DOGE now", "$doge", True),
        ("#ads are back", "#ad", False),
        ("这是比特币新闻", "比特币", True),
        ("買いmoon売り", "moon", True),
        ("ビットコインの話", "ビットコイン", True),
        ("m\u200boon", "moon", True),
        ("ｍｏｏｎ", "moon", True),
        ("c++ rocks", "c++", True),
        ("anything", " ", False),
        ("anything", "", False),
    ],
)
def test_banned_words_are_whole_words(text: str, banned: str, used: bool) -> None:
    assert bool(review(text, banned=[banned])) is used


def test_a_banned_word_is_named() -> None:
    assert review("Buy now!", banned=("buy",)) == ['The post uses "buy", which the agent must avoid; say it without.']


OLD = "Base fees fell to a new low this morning. Rollups keep posting blobs, and nobody notices until the bill comes."


@pytest.mark.parametrize(
    ("text", "repeats", "shows"),
    [
        (OLD, True, "the same"),
        (OLD.upper(), True, "the same in capitals"),
        (OLD + " https://example.org/chart 🔥", True, "a link and an emoji more"),
        (OLD.replace("this morning", "today"), True, "a word changed"),
        ("Good morning! " + OLD, True, "a greeting more"),
        ("Base fees fell again, and the blobs market is why. Three numbers worth watching.", False, "the same topic"),
        ("A poem about autumn leaves and slow trains.", False, "something else"),
    ],
)
def test_a_repeated_post_is_refused(text: str, repeats: bool, shows: str) -> None:
    found = review(text, recent=["Something old.", OLD], limit=500)
    assert bool(found) is repeats, shows
    assert all("Base fees fell to a new low" in line for line in found)


def test_emptiness_in_the_past_repeats_nothing() -> None:
    assert review("gm", recent=["", "…"]) == []


def test_parts_of_a_thread_must_differ() -> None:
    assert review("Gas is cheap.", "gas  is cheap.") == ["Two parts of the thread are identical; write each part once."]


def test_an_empty_part_of_a_thread_is_refused() -> None:
    assert review("Gas is cheap.", "…") == ["One part of the thread is empty; give every part a text or leave it out."]


def test_a_post_without_parts_is_empty() -> None:
    assert review() == ["The post is empty; write a text."]


def test_a_later_part_is_reviewed_too() -> None:
    assert len(review("Gas is cheap.", "I'm sorry, but I can't help with the rest.")) == 1


def test_every_objection_is_a_sentence_said_once() -> None:
    found = review("Tweet: [link] buy", "Post: [link] sell all", finish_reason="length", banned=["buy"], limit=5)
    assert len(found) == len(set(found)) == 6
    assert all(line[0].isupper() and line.endswith(".") and "\n" not in line for line in found)
