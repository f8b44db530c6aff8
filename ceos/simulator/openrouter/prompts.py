"""The topic and form that a prompt asks for, as guessed for the simulated writer."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from ceos.simulator.openrouter.caching import text_of
from ceos.simulator.prose import SPLIT

_TOPIC_LINE = re.compile(
    r"^[ *#>-]*(?:the )?(?:topic|subject|theme)[ *]*[:=][ *]*(\S.*)$", re.IGNORECASE | re.MULTILINE
)
_TOPICS_LINE = re.compile(r"^[ *#>-]*(?:your )?(?:topics|interests)[ *]*[:=][ *]*(\S.*)$", re.IGNORECASE | re.MULTILINE)
_ABOUT = re.compile(r"\b(?:about|on the topic of|regarding):?\s+[\"'“‘]?([^\"'”’\n.;:!?(]{2,80})", re.IGNORECASE)
#: A heading with a list of topics below it.
_TOPICS_HEADING = re.compile(
    r"^#[^\n]*\b(?:topics|talk about|interests)\b[^\n]*\n+([^#\s][^\n]*)", re.IGNORECASE | re.MULTILINE
)
#: The end of a topic within a sentence.
_TOPIC_END = re.compile(r"(?:,| that| which| who| so| with| without| from| for people)\s", re.IGNORECASE)
_PARTS = re.compile(
    r"\b(\d{1,2})(?:\s*(?:-|–|to|or)\s*\d{1,2})? (?:short )?(?:parts|casts|posts|messages)\b", re.IGNORECASE
)
_THREAD_OF = re.compile(r"\bthread (?:of|with) (\d{1,2})\b", re.IGNORECASE)
_NO_THREAD = re.compile(r"\b(?:not?|never|without|instead of)\b[^.\n]{0,20}\bthread\b")
_REPLIES = ("reply to", "replying to", "answer to", "write a reply", "your reply", "mentioned you", "respond to")
_TOPIC_LENGTH = 60
_decoder = json.JSONDecoder()
_SOMETHING = "small everyday experiments"


@dataclass(frozen=True, slots=True)
class Wish:
    """The contents of a prompt."""

    #: Prompts with the same instructions have the same voice.
    voice: str
    topic: str
    #: The number of parts of a thread; 0 for anything else.
    parts: int
    reply: bool
    #: True if a description of a picture follows the text.
    picture: bool


def understand(messages: list[dict[str, Any]], user: str) -> Wish:
    """Guess topic, form and voice from the messages of a request."""
    texts = [(message.get("role", "user"), text_of(message.get("content"))) for message in messages]
    system = "\n".join(text for role, text in texts if role in {"system", "developer"})
    asked = next((text for role, text in reversed(texts) if role == "user"), system)
    return Wish(
        voice=user or system[:300] or asked[:300],
        topic=_topic(asked, system, sum(len(text) for _, text in texts)),
        parts=_parts(asked, system),
        reply=any(words in asked.lower() for words in _REPLIES),
        picture="IMAGE:" in asked,
    )


def schema_in(messages: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the JSON schema in the text of the last message, or None."""
    text = text_of(messages[-1].get("content"))
    start = text.find('{"')
    if start < 0 or "JSON" not in text[:start]:
        return None
    try:
        found, _ = _decoder.raw_decode(text, start)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "properties" in found else None


def _topic(asked: str, system: str, turn: int) -> str:
    named = _TOPIC_LINE.search(asked)
    if named:
        return _trimmed(named[1])
    found = _ABOUT.search(asked)
    if found:
        return _trimmed(_TOPIC_END.split(found[1] + " ", 1)[0])
    listed = _TOPICS_LINE.search(asked) or _TOPICS_LINE.search(system) or _TOPICS_HEADING.search(system)
    if listed:
        return _trimmed(listed[1].split(",")[turn % (listed[1].count(",") + 1)])
    found = _ABOUT.search(system)
    return _trimmed(_TOPIC_END.split(found[1] + " ", 1)[0]) if found else _SOMETHING


def _trimmed(text: str) -> str:
    # A lone surrogate, which an escape may contain, could not be sent.
    text = text.encode(errors="ignore").decode()
    text = " ".join(text.replace("{", "").replace("}", "").split()).strip(" \"'“”‘’.,;:!?*_-[]")
    while len(text) > _TOPIC_LENGTH and " " in text:
        text = text.rsplit(" ", 1)[0]
    return text[:_TOPIC_LENGTH] or _SOMETHING


def _parts(asked: str, system: str) -> int:
    # Substrings first: prompts are long, and this runs for every completion.
    lowered = asked.lower()
    hinted = SPLIT in system and "thread" in lowered and not _NO_THREAD.search(lowered)
    if not (SPLIT in asked or hinted or ("thread" in lowered and _THREAD_OF.search(asked))):
        return 0
    counted = _THREAD_OF.search(asked) or _PARTS.search(asked) or _PARTS.search(system)
    return min(max(int(counted[1]), 2), 10) if counted else 3
