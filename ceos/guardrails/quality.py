"""Checks the quality of every draft before it is shown or published: leftovers of the model, length, repetition.

A violation is a sentence that goes into the next prompt, so it says what to do instead. The checks rather miss a bad
post than refuse a good one: a refusal counts at the beginning of a part only, so a post may quote one, and an agent may
speak about being an AI, but not decline as a language model does.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

from ceos.domain.sketch import Sketched, resembles, sketch_of
from ceos.domain.text import MARKER, SPACELESS, byte_length, fit
from ceos.guardrails.patterns import load_patterns

#: The similarity from which a post repeats an earlier one. Posts on one topic share up to half of their shingles.
TOO_SIMILAR = 0.7
#: The protocol's limit for a cast; the rest of a thread would be refused with a cast that has more.
MAX_MENTIONS = 10

_MENTIONS = re.compile(r"(?<![\w@.])@[a-z0-9][\w.-]*", re.IGNORECASE)


def quality_violations(
    text_parts: Sequence[str],
    *,
    finish_reason: str | None,
    recent: Sequence[Sketched],
    banned: Sequence[str],
    limit: int,
) -> list[str]:
    """Return the violations of the parts of a draft, a sentence each; an empty list means that they may be published.

    >>> quality_violations(["Sure! Here's your post: gm"], finish_reason="stop", recent=(), banned=(), limit=320)
    ['The post starts with a remark to the reader of the draft; write only the post itself.']
    """
    found = [*_ending_violations(finish_reason)]
    if not any(_has_content(part) for part in text_parts):
        return [*found, "The post is empty; write a text."]
    for part in text_parts:
        found += _part_violations(part, limit)
    found += _repetition_violations(text_parts, recent)
    found += _banned_word_violations(text_parts, banned)
    return list(dict.fromkeys(found))


def _ending_violations(finish_reason: str | None) -> Iterator[str]:
    if finish_reason == "length":
        yield "The post is cut off; write it shorter and finish the last sentence."
    elif finish_reason == "content_filter":
        yield "The post was stopped by the content filter; write about the topic in a harmless way."
    elif finish_reason == "error":
        yield "The post broke off with an error; write it again from the beginning."


def _part_violations(part: str, limit: int) -> Iterator[str]:
    opening = _opening(part)
    if not _has_content(part):
        yield "One part of the thread is empty; give every part a text or leave it out."
    if _REFUSAL.match(opening) or _MODEL_VOICE.search(opening):
        yield "The post declines the task as a language model would; write the post itself, in the persona's voice."
    elif _PREAMBLE.match(opening) or _LABEL.match(opening):
        yield "The post starts with a remark to the reader of the draft; write only the post itself."
    if _OFFER.search(part):
        yield "The post ends with an offer to change it; write only the post itself."
    if _is_data(part):
        yield "The post is JSON or a block of code; write plain text."
    if left_over := _PLACEHOLDER.search(_CODE.sub(" ", part)):
        yield f'The post still contains the placeholder "{_beginning(left_over[0])}"; fill it in or leave it out.'
    if MARKER.search(part):
        yield "The post contains a split marker inside a part; put the marker only between two parts."
    if (size := byte_length(part)) > limit:
        yield f"A part has {size:,} bytes, more than the {limit:,} allowed; write it shorter."
    if (count := len(_MENTIONS.findall(part))) > MAX_MENTIONS:
        yield f"A part names {count} accounts with @, and a cast may name {MAX_MENTIONS}; name fewer."


def _repetition_violations(parts: Sequence[str], recent: Sequence[Sketched]) -> Iterator[str]:
    plain = [" ".join(part.casefold().split()) for part in parts]
    if len(set(plain)) < len(plain):
        yield "Two parts of the thread are identical; write each part once."
    earlier = [cast for cast in recent if _has_content(cast.text)]
    for part in parts if earlier else ():
        sketch = sketch_of(part)
        for cast in earlier:
            if resembles(sketch, cast.sketch, TOO_SIMILAR):
                beginning = _beginning(cast.text)
                yield f'The post repeats the earlier one that begins "{beginning}"; write something different.'


def _banned_word_violations(parts: Sequence[str], banned: Sequence[str]) -> Iterator[str]:
    text = _plain("\n".join(parts))
    for phrase in banned:
        pattern = _word_pattern(phrase)
        if pattern is not None and pattern.search(text):
            yield f'The post uses "{phrase.strip()}", which the agent must avoid; say it without.'


def mentions_any(text: str, phrases: Sequence[str]) -> bool:
    """Say whether one of these phrases occurs in a text as whole words, in any case and form."""
    plain = _plain(text)
    return any(pattern.search(plain) for phrase in phrases if (pattern := _word_pattern(phrase)))


def _has_content(text: str) -> bool:
    """Say whether there is a letter, a number or an emoji in the text."""
    return any(unicodedata.category(char)[0] in "LN" or unicodedata.category(char) == "So" for char in text)


def _beginning(text: str) -> str:
    return fit(" ".join(text.split()), 60)


def _opening(part: str) -> str:
    """Return a part as the patterns below expect it: straight apostrophes, no emphasis, no leading white space."""
    text = part.translate(_STRAIGHT)
    return re.sub(r"[*_`]|^[#>\s]+", "", text).strip()


_STRAIGHT = str.maketrans("’‘ʼ`´", "'''''")


# Refusals, preambles and offers of models; all but the offers are matched against `_opening`.

_DATA = load_patterns("quality")


def _compile(name: str) -> re.Pattern[str]:
    joined = "|".join(_DATA[name]["patterns"])
    joined = re.sub(r"<(\w+)>", lambda match: str(_DATA["words"][match[1]]), joined)
    return re.compile(joined.replace("~", r"[^.!?\n]{0,80}"), re.IGNORECASE)


_REFUSAL, _MODEL_VOICE, _PREAMBLE, _LABEL, _OFFER = map(
    _compile, ("refusal", "model_voice", "preamble", "label", "offer")
)


# Leftovers

_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
_FIELDS = "topics?|name|your_name|handle|username|persona|bio|tone|date|time|link|url|title|text|recent|hashtags?|agent"
_PLACEHOLDER = re.compile(
    r"\[(?:insert|add|your)\b[^\]\n]{0,60}\](?!\()"
    r"|\[(?:link|url|(?:company |project )?name|topic|date|time|image|hashtags?|handle|username|placeholder)\](?!\()"
    r"|\[(?:image|photo|picture|gif|video|alt text):[^\]\n]{0,200}\]"
    r"|<(?:insert|your)\b[^>\n]{0,60}>|<(?:topic|link|url|name|handle)>"
    rf"|\{{\{{\s*\w+\s*\}}\}}|(?<![\w$\\{{])\{{(?:{_FIELDS})\}}|\blorem ipsum\b",
    re.IGNORECASE,
)
_FENCED = re.compile(r"```[^\n`]*\n.*?(?:```)?", re.DOTALL)


def _is_data(part: str) -> bool:
    """Say whether the whole part is a fenced block or JSON, complete or broken off."""
    text = part.strip()
    if _FENCED.fullmatch(text) or re.match(r'[{\[]\s*(?:\{\s*)?"[^"\n]+"\s*:', text):
        return True
    if text[:1] not in ("{", "["):
        return False
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


# Banned words


def _plain(text: str) -> str:
    """Return a text in the form in which banned words are searched: one case, one form, no invisible characters."""
    text = unicodedata.normalize("NFKC", text).translate(_STRAIGHT).casefold()
    return re.sub("[\u00ad\u200b-\u200d\u2060\ufeff]", "", unicodedata.normalize("NFKC", text))


@lru_cache(maxsize=1_024)
def _word_pattern(phrase: str) -> re.Pattern[str] | None:
    """Return a pattern that finds the phrase as whole words.

    A script without spaces has no visible words: there the phrase counts anywhere, and characters of it beside a Latin
    word do not hide that word.
    """
    words = _plain(phrase).split()
    if not words:
        return None
    letter = f"[^\\W{SPACELESS}]"
    body = r"\s+".join(re.escape(word) for word in words)
    before = f"(?<!{letter})" if re.match(letter, words[0]) else ""
    after = f"(?!{letter})" if re.match(letter, words[-1][-1]) else ""
    return re.compile(before + body + after)
