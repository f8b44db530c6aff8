import re

DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")


def european(match):
    year, month, day = match.groups()
    return f"{day}.{month}.{year}"


def run(ctx, params):
    text = params["text"]
    first = DATE.search(text)
    return {
        "sub": DATE.sub(european, text),
        "backrefs": re.sub(r"(\d{4})-(\d{2})", r"\2/\1", text),
        "count": re.subn(r"\d", "#", text, count=3),
        "split": re.split(r"\s+and\s+", text),
        "start": first.start(),
        "again": first.re.findall(text)[1],
        "full": bool(DATE.fullmatch("2026-03-02")),
        "escaped": re.escape("a.b"),
        "missing": re.match("x", text),
        "error": bad_pattern(),
    }


def bad_pattern():
    try:
        re.compile("(")
    except re.error as error:
        return error.msg

# params: {"text": "2026-03-02 and 2025-12-31"}
# returns: {"sub": "02.03.2026 and 31.12.2025", "backrefs": "03/2026-02 and 12/2025-31", "count": ["###6-03-02 and 2025-12-31", 3], "split": ["2026-03-02", "2025-12-31"], "start": 0, "again": ["2025", "12", "31"], "full": true, "escaped": "a\\.b", "missing": null, "error": "missing ), unterminated subpattern"}
