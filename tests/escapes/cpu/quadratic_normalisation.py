# tries: normalising a text of combining marks, which takes quadratic time
# layer: language
# limits: seconds=0.4
# plain: what matters is that the limits hold
import unicodedata


def run(ctx, params):
    text = "a" + "\u0300\u0301\u0327" * 200_000
    return f"held: {len(unicodedata.normalize('NFD', text))}"
