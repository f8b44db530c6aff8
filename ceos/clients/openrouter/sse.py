"""Server-sent events: from the bytes of a stream to the data of its events (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator

#: No event of a language model is longer; a stream that never ends its line is refused.
MAX_EVENT_CHARACTERS = 1024 * 1024

# str.splitlines also splits at U+2028 and others that may stand inside JSON.
_LINE_END = re.compile(r"\r\n|\n|\r")


def event_data(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield the data of each event; comments, names and ids are left out.

    Chunks may end anywhere, also inside a character or between CR and LF. What stands before the end of a stream
    without a blank line is yielded too: some services end that way after their last event.
    """
    data: list[str] = []
    for line in _lines(chunks):
        if not line:
            if data:
                yield "\n".join(data)
            data = []
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
            if sum(map(len, data)) > MAX_EVENT_CHARACTERS:
                raise ValueError("an event of the stream is too long")
    if data:
        yield "\n".join(data)


def _lines(chunks: Iterable[bytes]) -> Iterator[str]:
    decode = codecs.getincrementaldecoder("utf-8-sig")(errors="replace").decode
    rest = ""
    for chunk in chunks:
        rest += decode(chunk)
        # A CR at the end may be the first half of a CRLF.
        held = "\r" if rest.endswith("\r") else ""
        *lines, rest = _LINE_END.split(rest.removesuffix("\r") if held else rest)
        rest += held
        if len(rest) > MAX_EVENT_CHARACTERS:
            raise ValueError("a line of the stream is too long")
        yield from lines
    yield from _LINE_END.split(rest + decode(b"", final=True))
