"""A poll in a cast: a question, two to four marked options, and the way to answer.

Farcaster has no polls of its own, so readers answer in a reply. A fair poll does not ask for an answer, and does not
put the author's favourite first: options come in alphabetical order, unless their order means something.
"""

import re
import unicodedata

MARKS = {
    "letters": ["A)", "B)", "C)", "D)"],
    "numbers": ["1)", "2)", "3)", "4)"],
    "emoji": ["1️⃣", "2️⃣", "3️⃣", "4️⃣"],
}
LEADING = re.compile(
    r"\b(don't you (?:think|agree|love)|isn't it|aren't they|wouldn't you (?:say|agree)|surely|obviously|of course|"
    r"clearly|everyone knows|right\?$|why is .{1,40} so (?:good|bad|great|terrible))",
    re.IGNORECASE,
)
#: The first word of options whose order means something: how often, how much, how likely, when.
SCALES = [
    "always constantly daily often weekly sometimes monthly occasionally yearly rarely seldom never",
    "all everything most much many some few little none nothing",
    "yes probably maybe perhaps unsure no",
    "strongly agree neutral disagree",
    "love like indifferent dislike hate",
    "great good fine okay ok bad terrible",
    "huge large big medium small tiny",
    "now today tomorrow soon later eventually never",
    "monday tuesday wednesday thursday friday saturday sunday",
    "january february march april may june july august september october november december",
    "spring summer autumn fall winter",
    "morning noon afternoon evening night",
]
#: Options that come last, whatever the order.
REST = re.compile(
    r"(?:others?|something else|none of (?:these|them)|neither|both|all of (?:these|them)|it depends|don't know|"
    r"no idea|not sure|just here for the results|show me the results)\b",
    re.IGNORECASE,
)


def run(ctx, params):
    """Return the text of the poll, or what is wrong with what it is to be made of."""
    question = asked(params.get("question", ""))
    options = [cleaned(option) for option in params.get("options", [])]
    problems = [*about_question(question), *about_options(options)]
    if problems:
        return {"problems": problems}
    marks = MARKS[params.get("style", "letters")]
    lines = [f"{mark} {option}" for mark, option in zip(marks, in_order(options), strict=False)]
    text = "\n\n".join(filter(None, [question, "\n".join(lines), cleaned_line(params.get("call", ""))]))
    size = len(text.encode())
    if size > ctx.limit:
        return {"problems": [f"The poll has {size} bytes and a cast {ctx.limit}; use shorter words, or fewer."]}
    return {"text": text, "bytes": size}


# What goes in


def cleaned_line(text):
    """Return a text on one line, without hidden characters."""
    text = unicodedata.normalize("NFC", text)
    return " ".join("".join(char for char in text if char.isspace() or is_visible(char)).split())


def is_visible(char):
    """Say whether a character is neither a control character nor a mark of direction and the like."""
    return char == "\u200d" or unicodedata.category(char) not in ("Cc", "Cf")


def asked(question):
    """Return the question with its mark, and without the quotes it may have come in."""
    question = cleaned_line(question).strip('"“”').rstrip(" .!:")
    return question if not question or question[-1] in "?？؟" else f"{question}?"


def cleaned(option):
    """Return an option without a mark of its own and without a full stop, beginning with a capital letter."""
    option = re.sub(r"^(?:[a-dA-D1-4][).:]\s+|[-*•]\s+)", "", cleaned_line(option)).rstrip(" .,;")
    return option[:1].upper() + option[1:]


def about_question(question):
    """Object to no question, to several, and to one that suggests its answer."""
    if sum(char.isalpha() for char in question) < 3:
        yield "There is no question; ask one."
    elif len(re.findall(r"[?？؟]", question)) > 1:
        yield "There are several questions; ask one."
    elif leading := LEADING.search(question.replace("’", "'")):
        yield f'The question suggests an answer with "{leading[0]}"; ask openly.'


def about_options(options):
    """Object to too many or too few options, to empty ones, and to two that are the same."""
    if not 2 <= len(options) <= 4:
        yield f"There are {len(options)} options; give 2 to 4."
    if not all(any(char.isalnum() or unicodedata.category(char) == "So" for char in option) for option in options):
        yield "An option is empty; give each a few words."
    seen = set()
    for option in options:
        if option and option.casefold() in seen:
            yield f"Two options are the same: {option}."
        seen.add(option.casefold())


# What comes out


def in_order(options):
    """Return the options in neutral order, or in theirs when it means something."""
    if has_own_order(options):
        return options
    return sorted(options, key=lambda option: (REST.match(option.replace("’", "'")) is not None, option.casefold()))


def has_own_order(options):
    """Say whether all options are steps of one scale, or all have a number."""
    if all(re.search(r"\d", option) for option in options):
        return True
    first = [re.findall(r"[^\W\d_]+", option.casefold())[:1] for option in options]
    return any(all(word and word[0] in scale.split() for word in first) for scale in SCALES)
