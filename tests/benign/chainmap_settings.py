from collections import ChainMap

DEFAULTS = {"tone": "dry", "emoji": False, "limit": 2}


def run(ctx, params):
    settings = ChainMap({}, params, DEFAULTS)
    settings["limit"] = 5
    return {key: settings[key] for key in sorted(settings)}

# params: {"tone": "warm"}
# returns: {"emoji": false, "limit": 5, "tone": "warm"}
