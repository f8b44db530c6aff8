# tries: an error whose text is a text of a class of the attacker's
# layer: language
# plain: raising it is no evidence
class Text(str):
    def __getitem__(self, key):
        return "ESCAPED" * 100_000

    def encode(self, *arguments):
        return b"ESCAPED"

    def __len__(self):
        return 0


class Hostile(Exception):
    def __str__(self):
        return Text("held")


def run(ctx, params):
    raise Hostile("x")
