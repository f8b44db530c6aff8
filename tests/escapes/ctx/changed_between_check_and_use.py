# tries: an argument that is one thing when it is checked and another when it is used
# layer: both
# grants: memory
class Shifting(dict):
    def items(self):
        return [("value", run)]


def run(ctx, params):
    try:
        ctx.memory_set("key", [Shifting(value=1)])
    except Exception as error:
        return f"held: {error}"
    return "ESCAPED: the host was given something else"
