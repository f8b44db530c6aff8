"""Finds encoded, spelled-out and disguised text, and marks and commands of programs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ceos.guardrails.deobfuscate import decode_hidden, normalize

_MARKS = re.compile(
    r"<\|?/?\w[\w-]*\|?>|\[/?(?:inst|sys|system|tool|end)\b[^\]]*\]|<<sys>>|```|^\s*(?:system|assistant|user|human|"
    r"tool|developer)\s*[:>]"
    r"|\"(?:role|content|tool|action|score)\"\s*:|^\s*#{1,6}\s|={4,}|-{4,}|\{\{|\\u[0-9a-f]{4}|\\x[0-9a-f]{2}|"
    r"%[0-9a-f]{2}%[0-9a-f]{2}",
    re.IGNORECASE | re.MULTILINE,
)
_BLOB = re.compile(
    r"\b(?=[A-Za-z0-9+/]*\d)(?=[A-Za-z0-9+/]*[A-Z])(?=[A-Za-z0-9+/]*[a-z])[A-Za-z0-9+/]{16,}={0,2}|"
    r"[A-Za-z0-9+/]{10,}={1,2}(?!\w)"
    r"|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-|\b(?:[0-9a-f]{2}[\s:]){7,}|(?:[01]{7,8}\s*){3,}|(?:[.\-·•]{1,6}(?:\s+|"
    r"\s*/\s*)){5,}"
    r"|\b(?:sk|pk|rk|ghp|xox[a-z]|eyJ)[-_]?[A-Za-z0-9_-]{10,}|\b[A-Z2-7]{20,}\b|(?:\b\d{2,3}\b[\s,]*){8,}",
)
_SPELLED = re.compile(r"(?<!\w)(?:\w[\s.\-_*|]{1,3}){6,}\w(?!\w)")
_COMMAND = re.compile(r"^\s*[!/.][a-z]\w*|(?:^|\s)![a-z]{3,}", re.IGNORECASE)


def encoded_rules(text: str) -> Iterator[str]:
    """Yield the rules that the form of a text breaks."""
    seen = normalize(text)
    if _MARKS.search(seen) or _COMMAND.search(seen):
        yield "command"
    if _BLOB.search(seen) or decode_hidden(text) or _SPELLED.search(seen):
        yield "encoded"
    styled = sum(
        1
        for before, after in zip(text, map(normalize, text), strict=True)
        if after.isascii() and after.isalpha() and before != after
    )
    if styled > 4 or _mixes_alphabets(seen):
        yield "disguised"


def _mixes_alphabets(text: str) -> bool:
    """Say whether a word mixes Latin letters with look-alikes."""
    return any(
        re.search("[a-z]", word, re.IGNORECASE) and re.search("[\u0370-\u052f]", word)
        for word in re.findall(r"\w+", text)
    )
