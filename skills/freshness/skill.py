"""Is this new? Compares a draft with the agent's latest casts by what they are about, how they begin and what they ask.

The review of ceos compares letters, and finds a cast that was hardly reworded. This compares content words, whatever
their order and their endings, and so finds a thought that was put differently.
"""

import re
import unicodedata

STOP_WORDS = frozenset(
    "a about after again all also am an and any anybody are as at be because been before being but by can could did "
    "do does done down each even every everybody few for from get gets got had has have he her here hers him his "
    "how i if in into is it its just know let like made make makes many may me might more most much must my never "
    "no nobody nor not now of off on once one only or other our out over own really same say says she should so "
    "some somebody still such tell tells than that the their them then there these they thing things this those "
    "through to told too under until up us very was way we well were what when where which while who why will with "
    "without would yes yet you your s t re ve ll d m don isn aren doesn didn won can't".split()
)
#: Fewer content words than this say too little to compare.
LEAST_WORDS = 4
#: From this share of common words on, two questions ask the same.
SAME_QUESTION = 0.6
SPACELESS = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
ENDINGS = ("ingly", "edly", "ings", "ing", "ies", "ers", "er", "ed", "es", "ly", "s", "e")


def run(ctx, params):
    """Return what the draft repeats, a sentence each, or None."""
    recent = [cast for cast in ctx.recent if cast.strip()][: params.get("window", 30)]
    if not recent or not any(part.strip() for part in ctx.draft):
        return None
    found = [
        *about_content(ctx.draft, recent, params.get("threshold", 0.5)),
        *about_opening(ctx.draft[0], recent, params.get("opening_words", 3)),
        *about_questions(ctx.draft, recent),
        *about_streak(ctx.draft, recent, params.get("streak", 0)),
    ]
    return found or None


# What is compared


def words_of(text):
    """Return the words of a text in order; of scripts without spaces, every two characters that follow each other."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    text = re.sub(r"https?://\S+|@\w[\w.-]*", " ", text)
    words = []
    for word in re.findall(r"\w+(?:'\w+)?", text):
        if SPACELESS.search(word):
            words += [word[i : i + 2] for i in range(max(1, len(word) - 1))]
        else:
            words.append(word)
    return words


def content_of(text):
    """Return the stems of the words that carry a text's content."""
    words = (word.partition("'")[0] for word in words_of(text) if word not in STOP_WORDS)
    return {stem(word) for word in words if word not in STOP_WORDS}


def stem(word):
    """Return a word without the ending that its grammar gave it; crude, but the same for both texts."""
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word.removesuffix(ending)
    return word


def likeness(one, other):
    """Return how many of the words of two sets are in both, from 0 to 1."""
    return len(one & other) / len(one | other) if one and other else 0.0


def questions_in(text):
    """Return the questions that a text asks."""
    return [match[0].strip() for match in re.finditer(r"[^.!?…。！？\n]+[?？]", text)]


# What is objected to


def about_content(draft, recent, threshold):
    """Object to parts that say what a recent cast said; a thread as a whole counts too."""
    candidates = [content_of(part) for part in draft]
    if len(draft) > 1:
        candidates.append(content_of(" ".join(draft)))
    candidates = [words for words in candidates if len(words) >= LEAST_WORDS]
    for cast in recent:
        words = content_of(cast)
        if len(words) >= LEAST_WORDS and any(likeness(words, mine) >= threshold for mine in candidates):
            yield f'The post repeats what this cast said: "{beginning(cast)}"; make another point, or find a new side.'
            return


def about_opening(part, recent, count):
    """Object to a beginning that was used lately."""
    opening = words_of(part)[:count]
    # A single word and a greeting are nobody's opening.
    if not count or len(opening) < count:
        return
    if any(words_of(cast)[:count] == opening for cast in recent):
        shown = " ".join(part.split()[:count]).rstrip(",;:.!?")
        yield f'The post begins like a recent cast, with "{shown}"; begin differently.'


def about_questions(draft, recent):
    """Object to a question that was asked lately."""
    asked = [(question, content_of(question)) for cast in recent for question in questions_in(cast)]
    for question in questions_in("\n".join(draft)):
        words, plain = content_of(question), words_of(question)
        for earlier, theirs in asked:
            if words_of(earlier) == plain or (len(words) > 1 and likeness(words, theirs) >= SAME_QUESTION):
                yield (
                    f'The post asks again what was asked lately: "{beginning(earlier)}"; '
                    "ask something else, or make a statement."
                )
                return


def about_streak(draft, recent, count):
    """Object to one more cast about what all the latest ones were about."""
    if not count or len(recent) < count:
        return
    common = content_of(" ".join(draft))
    for cast in recent[:count]:
        common &= content_of(cast)
    if common:
        shared = next(word for word in words_of(" ".join(draft)) if stem(word.partition("'")[0]) in common)
        yield f'The last {count} casts and this one are all about "{shared}"; write about something else.'


def beginning(cast):
    """Return the beginning of a cast, for a sentence about it."""
    text = " ".join(cast.split())
    return text if len(text) <= 100 else text[:99].rsplit(" ", 1)[0] + "…"
