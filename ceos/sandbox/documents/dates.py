"""The dates of feeds: RFC 822 and its successors, and ISO 8601 with its profiles."""

from __future__ import annotations

import datetime as dt
import re

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?P<month>(?i:{'|'.join(_MONTHS)}))[a-z]*\.?"
_RFC = re.compile(
    rf"(?P<day>\d{{1,2}})[\s-]+{_MONTH}"
    r"[\s,-]+(?P<year>\d{4}|\d{2})"
    r"(?:[\s,]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?\s*(?P<half>[AaPp]\.?[Mm]\b)?"
    r"(?:\s*(?P<zone>[+-]\s?\d{1,2}:?\d{2}|[A-Za-z]{1,5}(?:[+-]\d{1,2}(?::?\d{2})?)?)(?![A-Za-z]))?)?"
)
#: The month before the day, as in "March 2, 2026 09:00 GMT" and in the C library's "Mon Mar  2 09:00:00 2026".
_MONTH_FIRST = re.compile(rf"\b{_MONTH}\s+(?P<day>\d{{1,2}}),?\s+(?P<rest>.+)")
_C_TIME = re.compile(r"(?P<time>\d{1,2}:\d{2}(?::\d{2})?)(?P<zone>(?:\s+[A-Z]{1,5})?)\s+(?P<year>\d{4})")
_ISO = re.compile(
    r"(?P<year>\d{4})[-/]?(?P<month>\d{2})(?:[-/]?(?P<day>\d{2}))?(?!\d)"
    r"(?:[Tt\s]+(?P<hour>\d{2}):?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:[.,]\d+)?)?"
    r"\s*(?P<zone>[Zz]|[+-]\d{2}(?::?\d{2})?|[A-Z]{2,5})?)?"
)
_NUMERIC = re.compile(r"([+-])\s?(\d{1,2}?):?(\d{2})?")

#: Hours ahead of UTC. The letters are those of RFC 822, which RSS names as its standard.
_ZONES = {
    **dict.fromkeys(("ut", "utc", "gmt", "z", "wet"), 0.0),
    **{letter: -hours for hours, letter in enumerate("abcdefghiklm", 1)},
    **{letter: float(hours) for hours, letter in enumerate("nopqrstuvwxy", 1)},
    **{"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7},
    **{"akst": -9, "akdt": -8, "hst": -10, "ast": -4, "adt": -3, "nst": -3.5, "ndt": -2.5, "brt": -3, "art": -3},
    **{"bst": 1, "west": 1, "cet": 1, "met": 1, "cest": 2, "mest": 2, "eet": 2, "eest": 3, "sast": 2, "msk": 3},
    **{"trt": 3, "ist": 5.5, "pkt": 5, "wib": 7, "ict": 7, "hkt": 8, "sgt": 8, "pht": 8, "awst": 8, "jst": 9, "kst": 9},
    **{"acst": 9.5, "aest": 10, "acdt": 10.5, "aedt": 11, "nzst": 12, "nzdt": 13},
}


def read_date(text: str) -> str:
    """Return a date in UTC, such as 2026-03-02T09:00:00Z, or an empty string if it cannot be read.

    A date without a zone, or with one that is unknown, is taken as UTC.
    """
    text = " ".join(text[:100].split())
    match = _ISO.match(text) or _RFC.search(text) or _RFC.search(_with_day_first(text))
    if match is None:
        return ""
    parts = match.groupdict()
    try:
        moment = _moment(parts) - _offset(parts["zone"] or "")
    except (ValueError, OverflowError):
        return ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z" if moment.year >= 1900 else ""


def _with_day_first(text: str) -> str:
    match = _MONTH_FIRST.search(text)
    if match is None:
        return text
    rest = _C_TIME.sub(r"\g<year> \g<time>\g<zone>", match["rest"])
    return f"{match['day']} {match['month']} {rest}"


def _moment(parts: dict[str, str | None]) -> dt.datetime:
    year, month, hour = str(parts["year"]), str(parts["month"]), int(parts["hour"] or 0)
    # Two digits mean a year of this century in a feed.
    full_year = int(year) + (2000 if len(year) == 2 else 0)
    number = int(month) if month.isdigit() else _MONTHS.index(month.lower()) + 1
    if half := parts.get("half"):
        hour = hour % 12 + (12 if half[0] in "Pp" else 0)
    day = dt.datetime(full_year, number, int(parts["day"] or 1), tzinfo=dt.UTC)
    # ISO 8601 knows the hour 24, and RFC 822 the second 60.
    minute, second = int(parts["minute"] or 0), min(int(parts["second"] or 0), 59)
    if hour > 24 or minute > 59 or (hour == 24 and (minute or second)):
        raise ValueError
    return day + dt.timedelta(hours=hour, minutes=minute, seconds=second)


def _offset(zone: str) -> dt.timedelta:
    """Return the time that a zone is ahead of UTC."""
    name = zone.rstrip("+-0123456789: ").lower()
    numeric = _NUMERIC.fullmatch(zone[len(name) :].strip())
    if numeric is None:
        return dt.timedelta(hours=_ZONES.get(name, 0))
    ahead = dt.timedelta(hours=int(numeric[2]), minutes=int(numeric[3] or 0))
    if abs(ahead) > dt.timedelta(hours=15):
        raise ValueError
    return ahead if numeric[1] == "+" else -ahead
