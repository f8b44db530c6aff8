# tries: a log line whose format is the attacker's
# layer: language
# grants: log
# plain: logging is the skill's own affair in plain Python
class Line(str):
    def __format__(self, spec):
        return Line("y" * 100_000)

    def __len__(self):
        return 0

    def __getitem__(self, key):
        return self


def run(ctx, params):
    for _ in range(5):
        ctx.log(Line("x"))
    return "held: logged"
