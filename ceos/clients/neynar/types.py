"""Neynar's answers as frozen records, in the terms of ceos.

Fields that ceos does not use are ignored, and most of the others may be absent.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Collection
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import (
    AfterValidator,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

ReactionKind = Literal["like", "recast"]
NotificationKind = Literal["mention", "reply", "quote", "like", "recast", "follow"]

_HASH = re.compile(r"(?:0x)?([0-9a-fA-F]{40})")
_USERNAME = re.compile(r"@[A-Za-z0-9_.-]+")
#: Neynar is asked in the plural and answers partly in the plural, partly in the singular; we always use the singular.
PLURAL: dict[str, str] = {
    "mention": "mentions",
    "reply": "replies",
    "quote": "quotes",
    "like": "likes",
    "recast": "recasts",
    "follow": "follows",
}
_SINGULAR = {plural: singular for singular, plural in PLURAL.items()}


def normal_hash(value: Any) -> str | None:
    """Return a cast hash as `0x` and 40 lower-case hex digits, or None when it is not one."""
    match = _HASH.fullmatch(value) if isinstance(value, str) else None
    return f"0x{match.group(1).lower()}" if match else None


def _need_hash(value: Any) -> str:
    found = normal_hash(value)
    if found is None:
        raise ValueError("a cast hash")
    return found


def _text(value: Any) -> Any:
    """Return a text that every encoder takes: JSON can smuggle in halves of signs, and null stands for nothing."""
    if value is None:
        return ""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def _utc(value: dt.datetime) -> dt.datetime:
    if value.tzinfo is None:
        return value.replace(tzinfo=dt.UTC)
    try:
        return value.astimezone(dt.UTC)
    except OverflowError:
        raise ValueError("a time between the years 1 and 9999") from None


def _readable(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """Return None for an unreadable value, so that the rest of the answer can be read."""
    try:
        return read(value)
    except ValidationError:
        return None


def _bio(profile: Any) -> Any:
    """Return the text of a bio, which is two objects deep in a profile."""
    bio = profile.get("bio") if isinstance(profile, dict) else profile
    return _text(bio.get("text") if isinstance(bio, dict) else bio)


def _score(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else None


def _urls(value: Any) -> Any:
    """Keep the addresses among the embeds; the others are quoted casts."""
    if not isinstance(value, list):
        return value if isinstance(value, tuple) else ()
    return tuple(_text(item["url"]) for item in value if isinstance(item, dict) and isinstance(item.get("url"), str))


def _quoted(value: Any) -> Any:
    """Keep the quoted casts among the embeds, where their text came along."""
    if not isinstance(value, list):
        return value if isinstance(value, tuple) else ()
    casts = [item.get("cast") or item.get("cast_id") for item in value if isinstance(item, dict)]
    return tuple(cast for cast in casts if isinstance(cast, dict) and normal_hash(cast.get("hash")))


def _channel_id(value: Any) -> Any:
    """Return the id of a channel in its long or its short form."""
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str) and found else None


def _count(value: Any) -> Any:
    """Return a count as a whole number: the specification allows fractions and null."""
    if value is None:
        return 0
    return math.floor(value) if isinstance(value, float) and math.isfinite(value) else value


Hash = Annotated[str, BeforeValidator(_need_hash)]
Count = Annotated[int, BeforeValidator(_count)]
Text = Annotated[str, BeforeValidator(_text)]
Moment = Annotated[dt.datetime, AfterValidator(_utc)]


class Record(BaseModel):
    """Base of everything Neynar tells us."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class PublishedCast(Record):
    """The answer to a publish."""

    hash: str
    #: The account that published it, or None when the answer did not name one.
    author_fid: int | None = None


class User(Record):
    """An account; only its fid is certain."""

    fid: int
    username: Text = ""
    display_name: Text = ""
    bio: Annotated[str, BeforeValidator(_bio)] = Field(default="", validation_alias="profile")
    followers: Count = Field(default=0, validation_alias="follower_count")
    following: Count = Field(default=0, validation_alias="following_count")
    #: Quality of the account from 0 to 1, or None when Neynar has not rated it.
    score: Annotated[float | None, BeforeValidator(_score)] = None

    @model_validator(mode="before")
    @classmethod
    def _score_under_its_old_name(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("score") is None and isinstance(data.get("experimental"), dict):
            return {**data, "score": data["experimental"].get("neynar_user_score")}
        return data


class CastCounts(Record):
    """The counts of a cast now; Neynar counts neither views nor quotes."""

    hash: Hash
    likes: Count = Field(default=0, validation_alias=AliasPath("reactions", "likes_count"))
    recasts: Count = Field(default=0, validation_alias=AliasPath("reactions", "recasts_count"))
    replies: Count = Field(default=0, validation_alias=AliasPath("replies", "count"))


class Quoted(Record):
    """A cast inside another; its text and its author only where the service sent them along."""

    hash: Hash
    text: Text = ""
    author: User | None = None


class FeedCast(CastCounts):
    """A cast as others see it."""

    text: Text = ""
    at: Moment = Field(validation_alias="timestamp")
    author: Annotated[User | None, WrapValidator(_readable)] = None
    parent_hash: Annotated[str | None, BeforeValidator(normal_hash)] = None
    parent_fid: Annotated[int | None, WrapValidator(_readable)] = Field(
        default=None, validation_alias=AliasPath("parent_author", "fid")
    )
    thread_hash: Annotated[str | None, BeforeValidator(normal_hash)] = None
    #: The id of the channel it is in.
    channel: Annotated[str | None, BeforeValidator(_channel_id)] = None
    #: Addresses of media and pages; quoted casts are left out.
    embeds: Annotated[tuple[str, ...], BeforeValidator(_urls)] = ()
    #: The casts that it quotes.
    quoted: Annotated[tuple[Quoted, ...], BeforeValidator(_quoted), Field(validation_alias="embeds")] = ()

    @property
    def author_fid(self) -> int | None:
        """The author's fid, or None when the answer did not name one."""
        return self.author.fid if self.author else None

    def looks_like(self, text: str, embeds: Collection[str]) -> bool:
        """Say whether a reader would take it for a cast of this text, or of these embeds when there is no text."""
        if text.strip():
            return _tidy(self.text) == _tidy(text)
        return not self.text.strip() and sorted(self.embeds) == sorted(embeds)


class OwnCast(FeedCast):
    """A cast in the list of an account's casts, which is complete: one without a readable hash has its own words."""

    hash: Annotated[str, BeforeValidator(lambda value: normal_hash(value) or str(value or ""))]


def _tidy(text: str) -> str:
    """Return a text as a service may change it: NFC, plain line ends, no outer space, usernames in lower case."""
    tidy = unicodedata.normalize("NFC", text).replace("\r\n", "\n").strip()
    return _USERNAME.sub(lambda name: name.group().lower(), tidy)


class Conversation(Record):
    """A cast, the casts above it, oldest first, and those that answer it."""

    cast: FeedCast
    above: tuple[FeedCast, ...] = Field(default=(), validation_alias="chronological_parent_casts")
    answers: tuple[FeedCast, ...] = Field(default=(), validation_alias=AliasPath("cast", "direct_replies"))

    @model_validator(mode="before")
    @classmethod
    def _only_what_is_there(cls, data: Any) -> Any:
        # Lists may be null, and a cast that was deleted leaves a stub without a time.
        if not isinstance(data, dict) or not isinstance(data.get("cast"), dict):
            return data
        cast = data["cast"]
        return {
            "cast": {**cast, "direct_replies": _whole(cast.get("direct_replies"))},
            "chronological_parent_casts": _whole(data.get("chronological_parent_casts")),
        }


def _whole(casts: Any) -> list[Any]:
    """Return the casts of a list that are more than a stub, and that can be named."""
    rows = casts if isinstance(casts, list) else []
    return [cast for cast in rows if isinstance(cast, dict) and cast.get("timestamp") and normal_hash(cast.get("hash"))]


class Notification(Record):
    """Something that concerns an account; mentions, replies and quotes carry the cast to answer.

    One that cannot be read in part is still a notification, or it would hide those that come with it.
    """

    #: A `NotificationKind`, or a newer word of Neynar's, or nothing.
    kind: Annotated[str, BeforeValidator(lambda value: _SINGULAR.get(str(value), str(value or "")))] = Field(
        default="", validation_alias="type"
    )
    at: Annotated[Moment | None, WrapValidator(_readable)] = Field(
        default=None, validation_alias="most_recent_timestamp"
    )
    seen: Annotated[bool | None, WrapValidator(_readable)] = False
    #: None when it came without its time, as in a bundle, or cannot be read; its hash may be known even then.
    cast: Annotated[FeedCast | None, WrapValidator(_readable)] = None
    cast_hash: Annotated[str | None, BeforeValidator(normal_hash)] = Field(
        default=None, validation_alias=AliasPath("cast", "hash")
    )
    #: How many likes, recasts or follows are bundled here.
    count: Annotated[int | None, WrapValidator(_readable)] = 0

    @model_validator(mode="before")
    @classmethod
    def _is_anything(cls, data: Any) -> Any:
        return data if isinstance(data, dict) else {}


class Response(Record):
    """A like, recast, reply or quote by an account."""

    kind: str
    #: None where the service did not name the account.
    fid: int | None = None


class Responses(Record):
    """The responses to a cast."""

    items: tuple[Response, ...] = ()
    #: False when there are more than were listed.
    is_complete: bool = True


class Signer(Record):
    """A key that may write as the account `fid`, once that account has approved it."""

    status: str
    fid: int | None = None
    permissions: tuple[str, ...] = ()

    @property
    def is_approved(self) -> bool:
        """True when it can write now."""
        return self.status == "approved"


class Channel(Record):
    """A channel."""

    id: str
    name: Text = ""
    url: Text = ""
    parent_url: Text = ""
    followers: Count = Field(default=0, validation_alias="follower_count")


class Storage(Record):
    """The casts of an account and the capacity of its storage; a full storage drops the oldest casts."""

    casts_used: Count = Field(default=0, validation_alias=AliasPath("casts", "used"))
    casts_capacity: Count = Field(default=0, validation_alias=AliasPath("casts", "capacity"))
    units: Count = Field(default=0, validation_alias="total_active_units")


class Topic(Record):
    """A trending topic."""

    name: str
    slug: str
    summary: Text = ""


class TrendingChannel(Record):
    """A busy channel and its casts of the last day."""

    id: str = Field(validation_alias=AliasPath("channel", "id"))
    name: Text = Field(default="", validation_alias=AliasPath("channel", "name"))
    casts_1d: Count = Field(default=0, validation_alias="cast_count_1d")


_T = TypeVar("_T", bound=Record)


class Page(BaseModel, Generic[_T]):
    """Part of a list; `cursor` leads to the next part and is None at the end."""

    model_config = ConfigDict(frozen=True)

    items: tuple[_T, ...]
    cursor: str | None = None
