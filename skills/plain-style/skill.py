"""Plain words for a draft: no hashtags, few emoji, few dashes, and none of the phrases that give a machine away.

Every rule leaves a correct sentence, or leaves the sentence alone. Addresses, `code` and names with an @ are never
touched. No part is ever emptied, and a draft that is plain already stays as it is.
"""

import re
import unicodedata

#: Whole sentences that say nothing.
FILLERS = [
    r"let(?:'s| us) dive (?:right )?in",
    r"let that sink in",
    r"buckle up",
    r"stay tuned",
    r"the future is (?:here|now)",
    r"the possibilities are endless",
]
#: Beginnings of sentences that can go; what follows begins with a capital letter then.
OPENERS = [
    r"in (?:today's|this|our) (?:fast-paced|digital|modern|ever-changing|ever-evolving|rapidly evolving) "
    r"(?:digital )?(?:world|age|era|landscape),",
    r"in (?:today's|the modern) world,",
    r"in a world (?:where|of) [^.!?,\n]{3,60},",
    r"it(?:'s| is) (?:worth|important) (?:noting|to note|mentioning|to remember) that",
    r"needless to say,",
    r"at the end of the day,",
    r"in conclusion,",
    r"here's the (?:thing|kicker|deal):",
    r"(?:hot take|unpopular opinion|pro tip|fun fact|spoiler alert|plot twist):",
    r"let(?:'s| us) be (?:honest|real|clear)[,:]",
    r"make no mistake[,:]",
    r"picture this:",
]
#: Words and what to write instead; of two that begin alike the longer comes first.
PHRASES = {
    r"delve deep(?:er)? into": "look closely at",
    r"delve into": "look into",
    r"delves into": "looks into",
    r"delved into": "looked into",
    r"delving into": "looking into",
    r"let's dive into": "let's look at",
    r"a deep dive into": "a close look at",
    r"(?:unlock|unleash|harness) the (?:full |true )?(?:power|potential) of": "use",
    r"(?:unlocks|unleashes|harnesses) the (?:full |true )?(?:power|potential) of": "uses",
    r"(?:unlocking|unleashing|harnessing) the (?:full |true )?(?:power|potential) of": "using",
    r"navigate the (?:landscape|complexities|challenges) of": "deal with",
    r"navigating the (?:landscape|complexities|challenges) of": "dealing with",
    r"(?:an absolute|a total|a real|a true|a) game[- ]changer": "a big change",
    r"game[- ]changing": "important",
    r"a paradigm shift": "a big change",
    r"stands as a testament to": "shows",
    r"stand as a testament to": "show",
    r"a testament to": "proof of",
    r"a (?:rich )?tapestry of": "a mix of",
    r"a (?:plethora|myriad) of": "many",
    r"in the (?:ever-evolving |ever-changing )?(?:realm|landscape) of": "in",
    r"an ever-(?:evolving|changing)": "a changing",
    r"ever-(?:evolving|changing)": "changing",
    r"(?:cutting-edge|groundbreaking)": "new",
    r"seamlessly": "smoothly",
    r"seamless": "smooth",
    r"utilize": "use",
    r"utilizes": "uses",
    r"utilized": "used",
    r"utilizing": "using",
    r"revolutionize": "change",
    r"revolutionizes": "changes",
    r"revolutionized": "changed",
    r"revolutionizing": "changing",
    r"supercharge": "boost",
    r"supercharges": "boosts",
    r"supercharging": "boosting",
    # On its own it may be the noun of finance; after these it is a verb.
    **{f"{word} leverage": f"{word} use" for word in "to can could will we you they must should may might".split()},
    r"leveraging": "using",
    r"due to the fact that": "because",
    r"in order to": "to",
}

#: A tag that begins a noun after one of these is a word of its sentence.
BEFORE_NOUN = frozenset(
    "a an the this that these those my your our his her its their some any every each no more less of for to with "
    "in on at by from into about over under through between and or but than like as is are was were be using via "
    "love loves hate miss need want use try learn build call called".split()
)

KEPT = re.compile(r"https?://\S+|`[^`\n]+`|@\w[\w.-]*|[\ue000-\uf8ff]")
#: A hashtag has a letter: it is no number such as #1, and no colour such as #ff8800.
TAG = r"#(?!(?=[a-fA-F]*\d)(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})\b)(?=\w*[^\W\d_])"
HASHTAG = re.compile(rf"(?<![\w&/#]){TAG}(\w+)")
TRAILING_TAGS = re.compile(rf"(?:(?:^|\s+){TAG}\w+[,;]?)+\s*$")
BASE = (
    "[\U0001f000-\U0001f0ff\U0001f170-\U0001f19a\U0001f200-\U0001f251\U0001f300-\U0001f3fa\U0001f400-\U0001faff"
    "\u231a\u231b\u23e9-\u23f3\u25fd\u25fe\u2614\u2615\u2648-\u2653\u267f\u2693\u26a1\u26aa\u26ab\u26bd\u26be\u26c4"
    "\u26c5\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd\u2705\u270a\u270b\u2728\u274c\u274e\u2753-\u2755\u2757"
    "\u2795-\u2797\u27b0\u27bf\u2b1b\u2b1c\u2b50\u2b55]|[\u2190-\u2bff]\ufe0f"
)
ONE_EMOJI = f"(?:{BASE})[\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]*"
EMOJI = re.compile(
    f"[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{ONE_EMOJI}(?:\u200d(?:{ONE_EMOJI}|[\u2190-\u2bff]\ufe0f?))*"
)
#: Dashes between words, not in a range of numbers, not at the beginning of a line.
DASH = re.compile(r"(?<=[^\s\d—–-])(?:\s*—\s*|\s+–\s+|\s+--\s+)(?=[^\s—–-])|(?<=\d)(?:\s*—\s*|\s+–\s+)(?=[^\W\d])")
NOT_JUST = re.compile(
    r"\b(it|this|that|they|we|you)(?:(['’](?:s|re))| (is|are)) not (?:just|only|merely|simply) "
    r"([^.,;:!?—–\n]{1,80}?)\s*(?:[,;.—–]|--)\s*(?:it|this|that|they|we|you)(?:['’]s|['’]re| is| are) (?:also )?"
    r"([^.,;:!?—–\n]{1,80})",
    re.IGNORECASE,
)
ISNT_JUST = re.compile(
    r"\b(is|are)n['’]t (?:just|only|merely|simply) ([^.,;:!?—–\n]{1,80}?)\s*(?:[,;.—–]|--)\s*"
    r"(?:it|this|that|they)(?:['’]s|['’]re| is| are) (?:also )?([^.,;:!?—–\n]{1,80})",
    re.IGNORECASE,
)
#: Where a sentence begins: at the start of a line, or after the end of another.
SENTENCE_START = r"(?:(?<=^)|(?<=\n)|(?<=[.!?…] ))"
ROUNDS = 5


def run(ctx, params):
    """Return the draft in plain style, or None when it is plain already."""
    rules = phrase_rules(params.get("extra_phrases", {}))
    parts = [polish(part, params, rules, ctx.limit) for part in ctx.draft]
    return None if parts == ctx.draft else parts


def polish(part, params, rules, limit):
    """Return one part in plain style; one rule may make room for another, so they are all applied until none does."""
    polished = part
    for _ in range(ROUNDS):
        before = polished
        polished = polish_once(before, params, rules)
        if polished == before:
            break
    grew = len(polished.encode()) > max(limit, len(part.encode()))
    return polished if says_something(polished) and not grew else part


def polish_once(part, params, rules):
    """Apply every rule once."""
    text, kept = set_aside(part)
    text = without_phrases(text, rules)
    text = plain_marks(text)
    if len(DASH.findall(text)) > params.get("max_dashes", 1):
        text = DASH.sub(comma_for, text)
    if params.get("hashtags", "drop") == "drop":
        text = without_hashtags(text)
    text = fewer_emoji(text, params.get("max_emoji", 1))
    return put_back(tidied(text), kept)


# What is not touched


def set_aside(text):
    """Return the text with a sign of its own for everything that must not change, and what the signs stand for."""
    kept = []

    def sign(match):
        kept.append(match[0])
        return chr(0xE000 + len(kept) - 1)

    # There are 6,400 signs for private use; no cast has as many addresses.
    return KEPT.sub(sign, text, count=6000), kept


def put_back(text, kept):
    """Return the text with what the signs stand for."""
    return re.sub("[\ue000-\uf8ff]", lambda match: kept[ord(match[0]) - 0xE000], text)


# Phrases


def phrase_rules(extra):
    """Return one pattern for all phrases, and what to write for each of its groups; the operator's come first."""
    own = {r"\s+".join(re.escape(word) for word in phrase.split()): instead for phrase, instead in extra.items()}
    rules = {**own, **{pattern: instead for pattern, instead in PHRASES.items() if pattern not in own}}
    rules.pop("", None)
    groups = "|".join(f"({pattern})" for pattern in rules)
    return re.compile(curly(rf"(?<![\w-])(?:{groups})(?![\w-])"), re.IGNORECASE), list(rules.values())


def without_phrases(text, rules):
    """Return the text without phrases that say nothing, and with plain words for those that say little."""
    text = re.sub(curly(rf"{SENTENCE_START}(?:{'|'.join(FILLERS)})[.!…]+\s*"), "", text, flags=re.IGNORECASE)
    openers = curly(rf"{SENTENCE_START}(?:{'|'.join(OPENERS)})\s+(\S)")
    text = re.sub(openers, lambda match: match[1].upper(), text, flags=re.IGNORECASE)
    text = NOT_JUST.sub(lambda match: f"{match[1]}{match[2] or ' ' + match[3]} {match[4]} and {match[5]}", text)
    text = ISNT_JUST.sub(lambda match: f"{match[1]} {match[2]} and {match[3]}", text)
    pattern, instead = rules
    changed = pattern.sub(lambda match: in_the_case_of(match[0], instead[match.lastindex - 1]), text).lstrip(" ,")
    return changed[:1].upper() + changed[1:] if text[:1].isupper() else changed


def curly(pattern):
    """Return a pattern that takes a typographic apostrophe for a straight one."""
    return pattern.replace("'", "['’]")


def in_the_case_of(words, instead):
    """Return what to write instead of words, with a capital letter if they have one."""
    return instead[:1].upper() + instead[1:] if words[:1].isupper() else instead


# Marks


def plain_marks(text):
    """Return the text without emphasis by asterisks, headings and rows of exclamation marks."""
    text = re.sub(r"\*\*([^*\n]+)\*\*", r"\1", text)
    text = re.sub(r"^#{1,6} +(?=\S)", "", text, flags=re.MULTILINE)
    return re.sub(r"!(?:\s*!)+", "!", text)


def comma_for(match):
    """Return what stands for a dash: a comma, or nothing after another mark."""
    before = match.string[match.start() - 1]
    return " " if before in ".,;:!?…" else ", "


def without_hashtags(text):
    """Return the text without the hashtags at the end of its lines, and with words for those within a sentence."""
    lines = text.split("\n")
    shortened = [line[: end_of_words(line)] for line in lines]
    if any(line.strip() for line in shortened):
        # A line of nothing but tags goes; a line that was empty before separates paragraphs.
        lines = [short for line, short in zip(lines, shortened, strict=True) if short.strip() or not line.strip()]
    return HASHTAG.sub(r"\1", "\n".join(lines))


def end_of_words(line):
    """Return where a line ends without its hashtags; a tag that its sentence needs is no such tag."""
    tags = TRAILING_TAGS.search(line)
    if tags is None:
        return len(line)
    before = line[: tags.start()].split()
    if before and before[-1].casefold() in BEFORE_NOUN:
        first = HASHTAG.search(line, tags.start())
        return first.end() if first else len(line)
    return tags.start()


def fewer_emoji(text, most):
    """Return the text with its first emoji only, or with one if it has nothing else."""
    found = list(EMOJI.finditer(text))
    if len(found) <= most:
        return text
    if not most and not any(char.isalnum() for char in EMOJI.sub("", text)):
        most = 1
    pieces, end = [], 0
    for match in found[most:]:
        pieces.append(text[end : match.start()])
        end = match.end()
    return "".join([*pieces, text[end:]])


def tidied(text):
    """Return the text without the gaps that something taken out has left."""
    text = re.sub(r"[^\S\n]+", " ", text)
    text = re.sub(r" +(?=[,.;!?…](?:\s|$))", "", text)
    text = re.sub(r" *\n *", "\n", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def says_something(text):
    """Say whether there is a letter, a digit or an emoji in the text."""
    return any(unicodedata.category(char)[0] in "LN" or unicodedata.category(char) == "So" for char in text)
