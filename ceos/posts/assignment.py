"""The assignment of a post: the brief, and the untrusted text that the post is about."""

from __future__ import annotations

from dataclasses import dataclass

from ceos.domain.posts import Brief


@dataclass(frozen=True)
class UntrustedContext:
    """Text of third parties that a post reacts to: shown to the model as data, and never together with tools."""

    #: The message for the model, without anything that must not be passed on.
    text: str
    #: The texts of other authors one by one; a post must not repeat them.
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Assignment:
    """The brief of a post and the untrusted context that belongs to it."""

    brief: Brief
    context: UntrustedContext | None = None
