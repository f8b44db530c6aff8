# tries: the sys module inside datetime
# layer: language
import datetime


def run(ctx, params):
    for name in ("sys", "_datetime", "datetime_CAPI"):
        found = getattr(datetime, name, None)
        if found is not None:
            return f"ESCAPED: {found}"
    return "held: no module inside"
