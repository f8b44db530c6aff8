from datetime import date


def easter(year: int) -> date:
    """Anonymous Gregorian computus."""
    a = year % 19
    b, c = divmod(year, 100)
    d, e = divmod(b, 4)
    f = (b + 8) // 25
    g = (b - f + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    l = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * l) // 451
    month, day = divmod(h + l - 7 * m + 114, 31)
    return date(year, month, day + 1)


def run(ctx, params):
    return {str(year): easter(year).isoformat() for year in params["years"]}

# params: {"years": [2024, 2025, 2026]}
# returns: {"2024": "2024-03-31", "2025": "2025-04-20", "2026": "2026-04-05"}
