# tries: an error whose text is computed by the attacker while the sandbox reports it
# layer: language
# limits: seconds=0.4
# plain: raising it is no evidence
class Hostile(Exception):
    def __str__(self):
        while True:
            pass


def run(ctx, params):
    raise Hostile("x")
