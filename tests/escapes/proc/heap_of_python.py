# tries: searching every object of the interpreter for what looks like a secret
# layer: kernel
import gc


def run(ctx, params):
    found, seen, waiting = [], set(), [gc.get_objects()]
    gc.unfreeze()
    waiting.append(gc.get_objects())
    while waiting:
        for thing in waiting.pop():
            if id(thing) in seen:
                continue
            seen.add(id(thing))
            if type(thing) is str and "canary-" in thing and thing != "canary-":
                found.append(thing)
            elif gc.is_tracked(thing) and len(seen) < 300_000:
                waiting.append(gc.get_referents(thing))
    if found:
        return f"ESCAPED: {found}"
    return f"held: {len(seen)} objects hold no secret"
