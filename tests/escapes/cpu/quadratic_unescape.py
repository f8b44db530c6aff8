# tries: wrapping and unescaping long texts of one character
# layer: language
# limits: seconds=0.4
# plain: what matters is that the limits hold
import html
import textwrap


def run(ctx, params):
    html.unescape("&" * 1_000_000)
    return f"held: {len(textwrap.wrap('a-' * 200_000, 1))}"
