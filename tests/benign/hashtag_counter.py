"""Count hashtags without regard to case."""
import re
from collections import Counter


def run(ctx, params):
    tags = re.findall(r"#(\w+)", params["text"])
    counts = Counter(tag.lower() for tag in tags)
    return [{"tag": tag, "count": count} for tag, count in counts.most_common()]

# params: {"text": "Good #morning to the #frames people, #Morning again"}
# returns: [{"tag": "morning", "count": 2}, {"tag": "frames", "count": 1}]
