# tries: the modules inside calendar, and a calendar with a locale
# layer: language
import calendar


def run(ctx, params):
    for name in ("sys", "datetime", "_locale", "LocaleTextCalendar", "different_locale", "main"):
        found = getattr(calendar, name, None)
        if found is not None:
            return f"ESCAPED: {found}"
    return "held: no module inside"
