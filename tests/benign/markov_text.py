import random
from collections import defaultdict


def run(ctx, params):
    words = params["text"].split()
    chain = defaultdict(list)
    for current, following in zip(words, words[1:]):
        chain[current].append(following)
    rng = random.Random("fixed")
    word, out = "the", ["the"]
    while len(out) < 6 and chain[word]:
        word = rng.choice(chain[word])
        out.append(word)
    return {"valid": all(word in words for word in out), "choices": sorted(chain["the"]), "long": len(out) > 1}

# params: {"text": "the cat saw the dog and the cat ran"}
# returns: {"valid": true, "choices": ["cat", "cat", "dog"], "long": true}
