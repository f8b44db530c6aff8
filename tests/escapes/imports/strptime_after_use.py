# tries: the same once strptime has been used and its module was let in
# layer: language
import datetime


def run(ctx, params):
    datetime.datetime.strptime("2026-01-02", "%Y-%m-%d")
    from _strptime import calendar

    return f"ESCAPED: {calendar.datetime}"
