def dig(data, *path, default=None):
    for key in path:
        try:
            data = data[key]
        except (KeyError, TypeError, IndexError):
            return default
    return data


def run(ctx, params):
    items = params["feed"]["items"]
    return [[dig(item, "author", "name", default="?"), dig(item, "author", "stats", "followers")] for item in items]

# params: {"feed": {"items": [{"author": {"name": "Ada", "stats": {"followers": 10}}}, {"author": null}, {}]}}
# returns: [["Ada", 10], ["?", null], ["?", null]]
