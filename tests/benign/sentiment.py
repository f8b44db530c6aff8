POSITIVE = frozenset("love great good nice happy".split())
NEGATIVE = frozenset("terrible awful bad sad".split())


def sentiment(text):
    words = [word.strip(".,!?") for word in text.lower().split()]
    score = sum((word in POSITIVE) - (word in NEGATIVE) for word in words)
    return "positive" if score > 0 else "negative" if score < 0 else "neutral"


def run(ctx, params):
    return [sentiment(text) for text in params["texts"]]

# params: {"texts": ["I love this great thing", "Terrible, awful, bad", "It is a table"]}
# returns: ["positive", "negative", "neutral"]
