import math


def reading_seconds(text, words_per_minute=200):
    words = len(text.split())
    return math.ceil(words / words_per_minute * 60)


def run(ctx, params):
    return [reading_seconds(part) for part in ctx.draft] + [reading_seconds(params["text"])]

# params: {"text": "word word word"}
# ctx: {"draft": ["one two three four", "five six"]}
# returns: [2, 1, 1]
