__all__ = ["run"]
__version__ = "1.0"

_SEPARATOR = "|"
_cache = {}


def _split(text, _sep=None):
    """A helper of this file alone."""
    if text not in _cache:
        _cache[text] = text.split(_sep)
    return _cache[text]


class _Joiner:
    _count = 0

    def _bump(self):
        self._count += 1

    def join(self, words):
        self._bump()
        return _SEPARATOR.join(words)


def run(ctx, params):
    joiner = _Joiner()
    for _ in range(2):
        result = joiner.join(_split(params["text"], _sep=" "))
    return [result, joiner._count, _Joiner._count]


if __name__ == "__main__":
    print(run(None, {"text": "a b"}))

# params: {"text": "one two three"}
# returns: ["one|two|three", 2, 0]
