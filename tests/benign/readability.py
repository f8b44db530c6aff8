import re


def syllables(word):
    return max(1, len(re.findall(r"[aeiouy]+", word.lower())))


def run(ctx, params):
    sentences = [s for s in re.split(r"[.!?]+", params["text"]) if s.strip()]
    words = re.findall(r"\w+", params["text"])
    total = sum(map(syllables, words))
    score = 206.835 - 1.015 * len(words) / len(sentences) - 84.6 * total / len(words)
    return round(score, 1)

# params: {"text": "The cat sat. It was a remarkably comfortable cat!"}
# returns: 61.3
