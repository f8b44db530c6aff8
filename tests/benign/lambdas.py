OPERATIONS = {
    "upper": str.upper,
    "reverse": lambda text: text[::-1],
    "twice": lambda text, times=2: text * times,
}


def run(ctx, params):
    words = params["words"]
    return [
        sorted(words, key=str.lower),
        sorted(words, key=len),
        list(map(lambda word: word[0], words)),
        list(filter(lambda word: "l" in word, words)),
        {name: operation("ab") for name, operation in OPERATIONS.items()},
        (lambda *args, **kwargs: (args, kwargs))(1, x=2),
    ]

# params: {"words": ["delta", "Alpha", "charlie"]}
# returns: [["Alpha", "charlie", "delta"], ["delta", "Alpha", "charlie"], ["d", "A", "c"], ["delta", "Alpha", "charlie"], {"upper": "AB", "reverse": "ba", "twice": "abab"}, [[1], {"x": 2}]]
