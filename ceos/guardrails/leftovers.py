"""Leftovers of language models in a text: reasoning, marks of chat templates and tools, notes, labels, markup.

`cut_reasoning` removes reasoning that is closed or comes first. Everything else is a violation, because no rule can
know which part of the text was meant. Code between backticks is left alone: a post may be about such marks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from ceos.guardrails.deobfuscate import INVISIBLE
from ceos.guardrails.patterns import alternatives, load_patterns

_DATA = load_patterns("leftovers")
_REASON = alternatives(_DATA["reasoning"]["names"])
_HTML, _OURS, _TOOLS = (alternatives(_DATA["markup"][key]) for key in ("html", "ours", "tools"))
_UNITS, _SIZED = alternatives(_DATA["count"]["units"]), alternatives(_DATA["count"]["sized"])
_NOTE, _ABOUT = alternatives(_DATA["note"]["words"]), alternatives(_DATA["note"]["about"])
_OPTION = alternatives(_DATA["options"]["words"])
_POST, _HERE, _SURE = (alternatives(_DATA["post"][key]) for key in ("words", "here", "sure"))

#: An opening and a closing mark of reasoning: `<think>`, `[THINK]` and `◁think▷`, with attributes and spaces.
_OPEN = rf"(?:<\s*{_REASON}\b[^<>]*>|\[\s*{_REASON}\s*\]|◁\s*{_REASON}\s*▷|<\|{_REASON}\|>)"
_CLOSE = rf"(?:<\s*/\s*{_REASON}\s*>|\[\s*/\s*{_REASON}\s*\]|◁\s*/\s*{_REASON}\s*▷|<\|/{_REASON}\|>)"
_CLOSED = re.compile(rf"{_OPEN}.*?{_CLOSE}", re.IGNORECASE | re.DOTALL)
_LEADING = re.compile(rf".*{_CLOSE}", re.IGNORECASE | re.DOTALL)
_FINAL = re.compile(
    r".*<\|channel\|>\s*final\b[^<]*<\|message\|>(.*?)(?:<\|(?:return|end|call)\|>\s*)?", re.IGNORECASE | re.DOTALL
)
_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def cut_reasoning(text: str) -> str:
    """Return a model's text without its reasoning, if that is closed or leads up to the text.

    >>> cut_reasoning("<think>Be short.</think>Clocks drift.")
    'Clocks drift.'
    """
    if final := _FINAL.fullmatch(text):
        text = final[1]
    bare = _CODE.sub(lambda match: " " * len(match[0]), text)
    spans = [match.span() for match in _CLOSED.finditer(bare)]
    for start, end in reversed(spans):
        text, bare = text[:start] + text[end:], bare[:start] + bare[end:]
    if leading := _LEADING.match(bare):
        text = text[leading.end() :]
    return text.strip()


_STRUCTURE = re.compile(
    rf"{_OPEN}|{_CLOSE}"
    # Tokens of chat templates.
    r"|<[|｜][^|｜<>\n]{1,60}[|｜]>|<<\s*/?\s*SYS\s*>>|<\s*/?\s*SYS\s*>|\[\s*/?\s*(?:INST|SYS|SYSTEM_PROMPT|TOOL_CALLS|TOOL_RESULTS|"
    r"AVAILABLE_TOOLS|BOS|EOS)\s*\]|<\s*/?\s*(?:s|pad|unk|bos|eos|mask|start_of_turn|end_of_turn|endoftext|im_start|im_end)\s*>"
    # Calls of tools.
    rf"|<\s*/?\s*(?:{_TOOLS}|{_OURS})\b(?:[\s=:][^<>]*)?/?>"
    r"|^\s*[\[{]\s*\"(?:name|tool|function|arguments|role|content|action)\"\s*:|\"(?:tool_calls|arguments|tool_call_id)\"\s*:"
    r"|^\s*Action\s*:.*\n\s*Action Input\s*:|^\s*Final Answer\s*:|^\s*Thought\s*:.*\n\s*(?:Action|Final Answer)\s*:"
    # Roles at the beginning of lines.
    r"|^\s*\**(?:assistant|system)\**\s*[:>]\s"
    r"|\A\s*\**(?:user|human|model)\**\s*:.*\n\s*\**(?:ai|bot|assistant|model|you)\**\s*:",
    re.IGNORECASE | re.MULTILINE,
)
_HTML_MARKS = re.compile(
    rf"(?<![\w<])<\s*/?\s*{_HTML}\b(?:\s[^<>]*)?/?\s*>|&(?:[a-z]{{2,8}}|#\d{{2,5}}|#x[0-9a-f]{{2,5}});|<!--|<!DOCTYPE",
    re.IGNORECASE,
)
#: A line break in letters; names of LaTeX that begin so, such as `\nu`, go on in lower case.
_ESCAPES = re.compile(r"(?<!\w:)(?<!\\)(?:\\r)?\\n(?![a-z])|[.!?…,;\"]\\n|\\\"\w")
#: Special names of Python, which look like bold text.
_DUNDER = (
    "(?:init|main|name|new|del|repr|str|call|dict|doc|file|all|len|eq|hash|iter|next|enter|exit|slots|class|"
    "version|post_init|import|builtins|future|add|lt|gt|getattr|setattr|getitem|setitem|contains)"
)
_MARKDOWN = re.compile(
    rf"\*\*(?=\S)[^*\n]+?\*\*|(?<!\w)__(?!{_DUNDER}__)(?=[^\W_])[^_\n]+?(?<=[^\W_])__(?!\w)"
    r"|^\s{0,3}#{1,6}\s+\S|!?\[[^\]\n]+\]\([^)\n]+\)"
    r"|^\s*\|.*\|\s*\n\s*\|?\s*:?-{2,}|^\s*(?:-\s?-\s?-[-\s]*|={3,}|\*\s?\*\s?\*[*\s]*|_{3,})$"
    r"|(?:^[ \t]*[-*+][ \t]+\S[^\n]*\n+){1,}^[ \t]*[-*+][ \t]+\S|^~~~|(?<!\w)~~\S[^~\n]*~~",
    re.MULTILINE,
)
_COUNT = re.compile(
    rf"[(\[（【*_]+\s*[^()\[\]（）【】\n]{{0,30}}?\d[\d.,]*\s*(?:/\s*\d+\s*)?个?\s*{_UNITS}\s*[^()\[\]（）\n]{{0,20}}[)\]）】*_]+\s*\Z"
    rf"|(?:[.!?…。！？\"”»]\s+|\n\s*)[(\[*_]+[^()\[\]\n]{{0,30}}?\d[\d.,]*\s*{_SIZED}\b[^()\[\]\n]{{0,20}}[)\]*_]+\s*\Z"
    rf"|^\s*[(\[*_]*(?:character|word|byte|token)s?\s?count\s*:?\s*\d+"
    rf"|\n\s*[—–(-]?\s?~?\d+\s?(?:/\s?\d+\s?)?(?:{_UNITS}|{_SIZED})\.?\s*\Z",
    re.IGNORECASE | re.MULTILINE,
)
_NOTES = re.compile(
    rf"^\s*[*_(\[（]*\s*{_NOTE}\s*[:：][^\n]*?(?:(?<!\w){_ABOUT}(?!\w)|字数|文字数)", re.IGNORECASE | re.MULTILINE
)
_OPTIONS = re.compile(
    rf"\A\W*{_OPTION}\s?(?:1|one|a|i|一|А)\W{{0,3}}[:：.)\-–—]"
    rf".*?(?<!\w){_OPTION}\s?(?:2|two|b|ii|二|Б|В)\W{{0,3}}[:：.)\-–—]"
    r"|\A\s*1[.)]\s.*\n\s*2[.)]\s.*\bwhich (?:one|version|option)\b",
    re.IGNORECASE | re.DOTALL,
)
_PREAMBLE = re.compile(
    # A label, such as "Final post (48 characters):", and "Here you go:" on a line of its own.
    r"\A\W*(?:(?:final|revised|updated|new|short|my)\s)?(?:post|cast|tweet|caption|draft)\s?(?:#?\d+\s?)?(?:\([^)\n]{0,30}\))?\s?[:：]"
    rf"|\A\W*(?:{_SURE}[\s,!.、，。！]*)?{_HERE}\s?[:：!]\s*\n|"
    # "Here is the post:", with or without "Sure!", in front of the text.
    rf"\A\W*(?:{_SURE}[\s,!.、，。！]*)?{_HERE}(?=\W|[^\x00-\x7f])[^:：\n]{{0,80}}?{_POST}[^:：\n]{{0,60}}[:：]"
    # A first line of its own that names the post and ends with a colon.
    rf"|\A[^\n:：]{{0,80}}(?<!\w){_POST}[^\n:：]{{0,40}}[:：]\s*\n"
    rf"|\A\W*{_SURE}[\s,!.、，。！]+[^:：\n]{{0,60}}?{_POST}[^:：\n]{{0,40}}[:：]",
    re.IGNORECASE,
)


def leftover_rules(text: str, name: str = "") -> Iterator[str]:
    """Yield the rules that a model's leftovers in a text break; `name` is the agent's, which is no label either."""
    if not _is_visible(text):
        yield "blank"
    if "\ufffd" in text:
        yield "broken"
    bare = _CODE.sub("`", text)
    for rule, pattern in _PATTERNS.items():
        if pattern.search(bare):
            yield rule
    if name and re.match(rf"\W*{re.escape(name)}\W*[:：]\s*\S", bare, re.IGNORECASE):
        yield "label"


_PATTERNS = {
    "template": _STRUCTURE,
    "html": _HTML_MARKS,
    "escape": _ESCAPES,
    "markdown": _MARKDOWN,
    "count": _COUNT,
    "note": _NOTES,
    "options": _OPTIONS,
    "preamble": _PREAMBLE,
}


def _is_visible(text: str) -> bool:
    """Say whether a reader sees anything: no filler, no blank of Braille, no invisible character counts."""
    seen = INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).replace("\u2800", "")
    return any(unicodedata.category(char)[0] in "LNS" for char in seen)
