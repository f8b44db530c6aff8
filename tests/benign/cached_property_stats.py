from collections import Counter
from functools import cached_property


class Text:
    def __init__(self, text):
        self.text = text
        self.computed = 0

    @cached_property
    def counts(self):
        self.computed += 1
        return Counter(self.text.split())


def run(ctx, params):
    text = Text(params["text"])
    return [text.counts["be"], text.counts["or"], text.computed]

# params: {"text": "to be or not to be"}
# returns: [2, 1, 1]
