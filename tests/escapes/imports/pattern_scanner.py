# tries: the undocumented scanner of a pattern, and the type of patterns
# layer: language
# plain: a scanner is harmless in plain Python
import re


def run(ctx, params):
    pattern = re.compile("a")
    return f"ESCAPED: {getattr(pattern.scanner('a'), '__cl' + 'ass__').__base__}"
