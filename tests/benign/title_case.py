import string

SMALL = {"a", "of", "the", "and"}


def title(text):
    words = text.split()
    return " ".join(
        word if i and word in SMALL else string.capwords(word) for i, word in enumerate(words)
    )


def run(ctx, params):
    return [title(text) for text in params["titles"]] + [string.digits, len(string.ascii_letters), "!" in string.punctuation]

# params: {"titles": ["the art of war", "a tale of two cities"]}
# returns: ["The Art of War", "A Tale of Two Cities", "0123456789", 52, true]
