"""Echoes: words of the prompt, and words of other people, in a text of the agent.

Texts are compared by their letters alone, in every reading: reversed, encoded, or with other signs for letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from ceos.domain.text import similarity
from ceos.domain.topics import words_of
from ceos.guardrails.deobfuscate import deobfuscate, strip_separators, to_ascii

#: Letters in a row that a text may share with untrusted text, less one; a Chinese character counts as three.
ECHO_LETTERS = 34
#: The same where the text asks for words to be repeated, and where they are most of the text.
DICTATED_LETTERS, MAIN_LETTERS = 8, 14
#: Words in a row that are a quotation of another author.
QUOTED_WORDS = 7
#: The similarity from which a text repeats that of another author.
COPY_SIMILARITY = 0.7
#: Letters of the prompt in a row that disclose it.
LEAK_LETTERS = 30
#: Words of the prompt in a row that disclose it, in any order of the letters of each word.
LEAK_WORDS = 7
#: Letters of the prompt that disclose it as initials of lines or sentences.
INITIALS = 6

_WORD = re.compile("[A-Za-z]+")
_REQUEST = re.compile(
    r"\b(?:say|repeat|write|post|reply|respond|answer|output|print|type|tell|announce|confirm|cast|complete|finish|"
    r"decode|translate|spell)\b"
    r"|\b(?:di|dile|repite|escribe|responde|dis|répète|écris|réponds|sag|schreib|wiederhole|antworte|diga|repita|"
    r"escreva|scrivi|ripeti|powiedz|napisz|söyle|yaz)\b"
    r"|скажи|повтори|напиши|ответь|说|說|重复|重複|写|寫|回复|回覆|言って|書いて|繰り返|返信|말해|써|따라|कहो|लिखो|बोलो|दोहरा|قل|اكتب|كرر|رد",
    re.IGNORECASE,
)


class _Source(NamedTuple):
    """A prompt as it is searched: its runs of letters by their length, and its runs of words."""

    runs: dict[int, frozenset[str]]
    words: frozenset[tuple[str, ...]]


@lru_cache(maxsize=8)
def _source(prompt: str) -> _Source:
    letters = strip_separators(to_ascii(prompt))
    sizes = (LEAK_LETTERS, LEAK_LETTERS // 3)
    runs = {
        size: frozenset(letters[start : start + size] for start in range(len(letters) - size + 1)) for size in sizes
    }
    return _Source(runs, frozenset(_word_runs(prompt)))


def discloses(text: str, prompt: str) -> bool:
    """Say whether a text contains words of the prompt, in any encoding."""
    source = _source(prompt)
    for reading in deobfuscate(text):
        letters = strip_separators(reading)
        size = LEAK_LETTERS // _weight(letters)
        if any(letters[start : start + size] in source.runs[size] for start in range(len(letters) - size + 1)):
            return True
    return not source.words.isdisjoint(_word_runs(text))


def spells(text: str, prompt: str) -> bool:
    """Say whether the first letters of a text's lines, sentences or words spell the beginning of the prompt."""
    start = strip_separators(to_ascii(prompt[:600]))[:400]
    return any(len(firsts) >= INITIALS and firsts[:INITIALS] in start for firsts in _initials(text))


def repeats(text: str, others: Sequence[str]) -> bool:
    """Say whether a text repeats the words of other people, or words that they asked for."""
    answer = strip_separators(to_ascii(text))
    for theirs in (*others, " ".join(others)):
        for reading in deobfuscate(theirs):
            if _is_echo(answer, strip_separators(reading), is_asked=bool(_REQUEST.search(reading))):
                return True
    if len(answer) < MAIN_LETTERS // _weight(answer):
        return False
    runs = _runs(text)
    return any(runs & _runs(theirs) or similarity(text, theirs) >= COPY_SIMILARITY for theirs in others)


def _runs(text: str) -> set[tuple[str, ...]]:
    words = words_of(text)
    return {tuple(words[start : start + QUOTED_WORDS]) for start in range(len(words) - QUOTED_WORDS + 1)}


def _word_runs(text: str) -> Iterator[tuple[str, ...]]:
    """Yield the runs of words with their letters sorted, so that Pig Latin and anagrams equal the original."""
    # Pig Latin adds "ay", "yay" or "way".
    words = [word[:-2] if len(word) > 3 and word.endswith("ay") else word for word in _WORD.findall(to_ascii(text))]
    shuffled = ["".join(sorted(word.casefold().replace("w", "").replace("y", ""))) for word in words]
    return (tuple(shuffled[start : start + LEAK_WORDS]) for start in range(len(words) - LEAK_WORDS + 1))


def _initials(text: str) -> Iterator[str]:
    for pieces in (text.splitlines(), re.split(r"[.!?。！？]\s*", text)):
        yield "".join(letters[0] for piece in pieces if (letters := strip_separators(to_ascii(piece))))
    yield "".join(letters[0] for word in text.split() if (letters := strip_separators(to_ascii(word))))[: INITIALS + 2]


def _shares(text: str, source: str, size: int) -> bool:
    """Say whether the two have `size` letters in a row in common."""
    return any(text[start : start + size] in source for start in range(len(text) - size + 1))


def _is_echo(answer: str, theirs: str, *, is_asked: bool) -> bool:
    weight = _weight(answer)
    if _shares(answer, theirs, ECHO_LETTERS // weight):
        return True
    # Most of a short text: nothing of the agent's own is left.
    least = (DICTATED_LETTERS if is_asked else MAIN_LETTERS) // weight
    return len(answer) >= least and _shares(answer, theirs, max(least, int(len(answer) * 0.7)))


def _weight(text: str) -> int:
    """Return the letters that one character stands for: three in scripts that write words in one or two."""
    return 3 if re.search("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]", text) else 1
