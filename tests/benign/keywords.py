import re
from collections import Counter

STOP = {"a", "an", "and", "is", "the", "of"}


def run(ctx, params):
    words = re.findall(r"[a-z]+", params["text"].lower())
    counts = Counter(word for word in words if word not in STOP)
    counts.subtract({"leaves": 1})
    top = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[: params["most"]]
    return dict(top) | {"total": sum((+counts).values())}

# params: {"text": "Tea is a drink. Tea leaves make tea, and a good drink is good.", "most": 3}
# returns: {"tea": 3, "drink": 2, "good": 2, "total": 8}
