# tries: the module re inside textwrap
# layer: language
import textwrap


def run(ctx, params):
    return f"ESCAPED: {textwrap.re.enum}"
