import re


def run(ctx, params):
    """Break every part where the share of 5, 7 and 5 syllables ends; no word is lost and no byte added."""
    return [three_lines(part) for part in ctx.draft]


def three_lines(text):
    words = text.split()
    if len(words) < 3:
        return text
    lines, begun, total = [[], [], []], 0, sum(map(syllables, words))
    for word in words:
        place = 17 * begun / total
        lines[0 if place < 5 else 1 if place < 12 else 2].append(word)
        begun += syllables(word)
    return "\n".join(" ".join(line) for line in lines if line)


def syllables(word):
    return max(1, len(re.findall("[aeiouy]+", word.lower())))
