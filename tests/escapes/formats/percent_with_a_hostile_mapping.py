# tries: the percent operator asks a mapping of the attacker's for the key
# layer: language
# plain: the operator asks only what it is given
class Mapping:
    def __getitem__(self, key):
        return getattr(run, key)


def run(ctx, params):
    return "ESCAPED: %(__globals__)s" % Mapping()
