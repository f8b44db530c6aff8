class WordList:
    def __init__(self, words=()):
        self._words = list(words)

    def __len__(self):
        return len(self._words)

    def __iter__(self):
        return iter(sorted(self._words))

    def __contains__(self, word):
        return word.lower() in self._words

    def __getitem__(self, index):
        return self._words[index]

    def __setitem__(self, index, word):
        self._words[index] = word

    def __delitem__(self, index):
        del self._words[index]


def run(ctx, params):
    words = WordList(params["words"])
    words[0] = "plum"
    words[1] += "s"
    del words[2]
    return [len(words), list(words), "PLUM" in words, words[-1], [w for w in words]]

# params: {"words": ["pear", "fig", "apple"]}
# returns: [2, ["figs", "plum"], true, "figs", ["figs", "plum"]]
