def shingles(text, size=2):
    words = text.lower().split()
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


def jaccard(a, b):
    if not a or not b:
        return 0.0
    return len(a & b) / len(a | b)


def run(ctx, params):
    mine = shingles(" ".join(ctx.draft))
    for old in ctx.recent:
        score = jaccard(mine, shingles(old))
        if score >= params["threshold"]:
            return f"This is {score:.0%} the same as an earlier cast: {old[:30]!r}. Take another angle."
    return ""

# params: {"threshold": 0.5}
# ctx: {"draft": ["The quick brown fox jumps over the dog"], "recent": ["A quick brown fox jumps over the lazy dog", "Nothing alike"]}
# returns: "This is 50% the same as an earlier cast: 'A quick brown fox jumps over t'. Take another angle."
