"""The base of every record, and the types that several records share."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

AgentId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]

ChannelId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,15}$")]


def _is_plain(value: str) -> str:
    if any((char < " " and char not in "\n\r\t") or "\x7f" <= char <= "\x9f" for char in value):
        raise ValueError("text without control characters")
    return value


#: A text that people wrote: no control characters besides line breaks and tabs.
PlainText = Annotated[str, AfterValidator(_is_plain)]

ShortText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_is_plain)
]

#: No account has a higher number for a long time: there were about three million in 2026.
MAX_FID = 4_294_967_295

Fid = Annotated[int, Field(ge=1, le=MAX_FID)]


class Frozen(BaseModel):
    """Base of every record: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def from_ms(ms: str | float) -> dt.datetime:
    """Return the moment of a time in milliseconds since 1970, as Redis keeps it."""
    return dt.datetime.fromtimestamp(float(ms) / 1000, dt.UTC)
