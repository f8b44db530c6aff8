TEMPLATE = "{name} has {n:>3} new {what}"


def run(ctx, params):
    what = "reply" if params["n"] == 1 else "replies"
    return [
        TEMPLATE.format(what=what, **params),
        "{0}-{1}-{0}".format("a", "b"),
        "{:<{width}}|".format("x", width=4),
        "{name!r}".format_map(params),
        "%s: %d (%.1f%%)" % ("done", 3, 45.678),
        "%(name)s" % params,
        format(3.14159, ".2f"),
    ]

# params: {"name": "Ada", "n": 3}
# returns: ["Ada has   3 new replies", "a-b-a", "x   |", "'Ada'", "done: 3 (45.7%)", "Ada", "3.14"]
