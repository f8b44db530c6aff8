def describe(event):
    match event:
        case {"type": "cast", "text": str(text)}:
            return f"cast {text}"
        case {"type": kind, **rest} if rest:
            return f"{kind} with {len(rest)}"
        case [name, value]:
            return f"{name}={value}"
        case [name, *values]:
            return f"{name}: {sum(values)}"
        case True | False:
            return "flag"
        case 7 | 8:
            return "lucky"
        case int(number) if number < 0:
            return "negative"
        case "stop" | "halt" as word:
            return word.upper()
        case None:
            return "nothing"
        case _:
            return "other"


def run(ctx, params):
    return [describe(event) for event in params["events"]]

# params: {"events": [{"type": "cast", "text": "hi"}, {"type": "like", "by": "bob", "n": 3}, ["pair", 1], ["many", 1, 2, 3], 7, -1, "stop", null, 2.5, true]}
# returns: ["cast hi", "like with 2", "pair=1", "many: 6", "lucky", "negative", "STOP", "nothing", "other", "flag"]
