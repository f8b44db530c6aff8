# tries: arguments that are texts of a class of the attacker's
# layer: both
# grants: memory
class Text(str):
    def encode(self, *args):
        return b"ESCAPED"


def run(ctx, params):
    try:
        ctx.memory_set(Text("key"), Text("value"))
    except Exception as error:
        return f"held: {error}"
    return "ESCAPED: the host was given a text of another class"
