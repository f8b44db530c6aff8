# tries: a result that is a text of a class of the attacker's
# layer: host
class Text(str):
    def encode(self, *args):
        return b'"ESCAPED"'

    def __str__(self):
        return "ESCAPED: a text of another class"


def run(ctx, params):
    return Text("held")
