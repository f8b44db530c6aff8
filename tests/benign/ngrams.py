from collections import Counter


def ngrams(words, n):
    return zip(*(words[i:] for i in range(n)))


def run(ctx, params):
    counts = Counter(" ".join(gram) for gram in ngrams(params["text"].split(), params["n"]))
    return counts.most_common(1)[0]

# params: {"text": "to be or not to be", "n": 2}
# returns: ["to be", 2]
