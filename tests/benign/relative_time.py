from datetime import timedelta

UNITS = [("day", 86400), ("hour", 3600), ("minute", 60)]


def ago(seconds: float) -> str:
    for name, size in UNITS:
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {name}{'s' if count != 1 else ''} ago"
    return "just now"


def run(ctx, params):
    return [ago(seconds) for seconds in params["seconds"]] + [str(timedelta(seconds=params["seconds"][2]))]

# params: {"seconds": [30, 90, 7300, 200000]}
# returns: ["just now", "1 minute ago", "2 hours ago", "2 days ago", "2:01:40"]
