"""The names of time zones."""

from __future__ import annotations

from zoneinfo import ZoneInfo

#: Entries of the database that are no zones of a place: placeholders, and the host's own zone.
_NO_ZONES = ("Factory", "localtime", "posixrules")
#: Copies of the database; the clocks under right/ count leap seconds.
_COPIES = ("posix/", "right/")


def zone_name(value: str) -> str:
    """Return the name of an IANA time zone as it is; raises `ValueError` for any other name."""
    try:
        if value in _NO_ZONES or value.startswith(_COPIES):
            raise ValueError
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError("an IANA time zone such as 'Europe/Berlin'") from None
    return value
