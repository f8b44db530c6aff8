import re
from typing import List


def split_thread(text: str, limit: int) -> List[str]:
    """Pack whole sentences into parts of at most `limit` characters."""
    parts: List[str] = []
    current = ""
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        candidate = f"{current} {sentence}".strip()
        if len(candidate) <= limit:
            current = candidate
        else:
            if current:
                parts.append(current)
            current = sentence
    if current:
        parts.append(current)
    return parts


def run(ctx, params):
    parts = split_thread(params["text"], params["limit"])
    total = len(parts)
    return [f"{part} ({i}/{total})" for i, part in enumerate(parts, start=1)]

# params: {"text": "First sentence here. Second sentence is somewhat longer than that. Third one! And a fourth?", "limit": 45}
# returns: ["First sentence here. (1/3)", "Second sentence is somewhat longer than that. (2/3)", "Third one! And a fourth? (3/3)"]
