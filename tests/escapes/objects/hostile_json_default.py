# tries: a serialiser of the attacker's that is handed trusted objects
# layer: language
# grants: log
# plain: json hands over only what the skill gave it
import json


def run(ctx, params):
    found = []
    json.dumps({"ctx": ctx, "log": ctx.log}, default=lambda thing: found.append(thing) or "seen")
    private = [getattr(thing, "__class" + "__", None) for thing in found]
    return f"ESCAPED: {private}"
