"""What a brand must not say, and how it must not sound.

An objection goes back to the writer, so each says what to do instead. The patterns would rather miss a claim than
refuse an honest sentence: a claim that is denied ("no guaranteed returns") passes.
"""

import re
import unicodedata

CLAIMS = {
    "financial": (
        "promises a profit",
        "say what it does, without what it will earn",
        [
            r"guaranteed (?:\w+ )?(?:returns?|profits?|yields?|income|gains?|payouts?)",
            r"risk[- ]free (?:\w+ )?(?:returns?|profits?|yields?|income|gains?|investments?|money)",
            r"(?:can't|cannot|won't|never) lose (?:any )?money|you (?:can't|cannot) lose(?=[.!,\n]|$)",
            r"a sure (?:bet|thing)|easy money|free money|get rich (?:quick|fast|with|by)|double your (?:money|stake)",
            r"will (?:\d+x|moon)|(?:prices?|tokens?|coins?|it) will (?:pump|double|triple|explode|rise)",
            r"(?:next|easy) \d{2,4}x|to the moon(?=[! ]*\U0001f680)",
            r"\d+x (?:gains?|returns?|profits?)",
            r"(?:prices?|tokens?|coins?) (?:is|are) (?:going to|about to) (?:rise|pump|explode|moon|go up)",
            r"you should (?:buy|sell|invest|ape)|buy (?:it )?(?:now )?before it's too late|last chance to buy",
        ],
    ),
    "medical": (
        "makes a promise about health",
        "say what is known and by whom, or leave it out",
        [
            r"(?:cures?|heals?|treats?|prevents?|reverses?) (?:your |the )?(?:cancer|covid|diabetes|depression|anxiety|"
            r"autism|adhd|dementia|alzheimer's|insomnia|disease|diseases|illness|infections?)",
            r"clinically proven|doctors (?:recommend|agree|hate)|miracle (?:cure|drug|diet)|no side[- ]effects",
            r"lose \d+ ?(?:pounds|lbs|kg|kilos)|detox(?:es|ify)?|boosts? (?:your )?immun\w+",
        ],
    ),
    "absolute": (
        "claims perfection",
        "say exactly what is true, with a number or an example",
        [
            r"(?:the )?world's (?:best|first|fastest|leading|safest|only|most \w+)",
            r"the (?:best|safest|fastest|greatest) \w+ (?:in the world|ever|on earth|on the planet)",
            r"100 ?% (?:safe|secure|guaranteed|effective|accurate|reliable|anonymous|private)",
            r"(?:completely|totally|absolutely|perfectly) (?:safe|secure|anonymous|private|risk-free)",
            r"unhackable|bulletproof|foolproof|never goes down|zero risk|everyone (?:agrees|loves|wants)",
            r"nobody else (?:can|does|has)|(?:number one|no\. ?1) (?:in|for|choice|provider|platform)",
        ],
    ),
}
#: One of these in the few words before it denies a claim.
DENIAL = re.compile(
    r"(?:\b(?:no|not|never|nothing|nobody|none|neither|nor|without|cannot|isn't|aren't|don't|doesn't|didn't|won't|"
    r"avoid|beware of|if anyone (?:says|promises)|anyone who (?:says|promises))\b|n't\b)[^.!?;\n]{0,40}$"
)
#: Abbreviations nobody takes for shouting.
CAPS = frozenset(
    "HTTP HTTPS HTML JSON TOML YAML REST SDK API CLI USA NASA ESA CERN NATO UNESCO UNICEF DAO NFT DEFI USDC USDT "
    "BTC ETH ERC EIP RPC EVM LLM GPU CPU RAM SSD USB WIFI ASAP FAQ DIY PDF ISO UTC AMA TLDR FOMO GMT CEO CTO CFO "
    "LGTM MIT GPL SQL AWS OPEC NYSE NASDAQ LASER RADAR".split()
)
SHOUTED = re.compile(r"(?<![\w$#@/.])[A-Z]{3,}(?:['’]?[A-Z]+)*(?:[ ,&-]+[A-Z]{2,}\b)*(?![\w/])")
#: A single word in capitals counts as shouted from this length on; two in a row always do.
SHOUTED_LETTERS = 5
FIRST_PERSON = {
    "I": re.compile(r"(?<![\w'])(?:I(?:'(?:m|ve|d|ll))?|[Mm]y|[Mm]e|[Mm]yself)(?![\w'])"),
    # US is a country.
    "we": re.compile(r"(?<![\w'])(?:[Ww]e(?:'(?:re|ve|d|ll))?|[Oo]urs?|[Uu]s|[Oo]urselves)(?![\w'])"),
}
MOST_OBJECTIONS = 5


def run(ctx, params):
    """Return what speaks against the draft, a sentence each, or None."""
    text = without_addresses("\n".join(ctx.draft))
    even = evened(text)
    found = [
        *about_words(even, params),
        *about_claims(even, params),
        *about_voice(even, params),
        *about_tone(text, params),
        *about_reading(text, params),
    ]
    return list(dict.fromkeys(found))[:MOST_OBJECTIONS] or None


def without_addresses(text):
    """Return the text without addresses and names with an @, which are nobody's choice of words."""
    return re.sub(r"https?://\S+|@\w[\w.-]*", " ", text)


def evened(text):
    """Return the text as words are looked up in it: one form, straight apostrophes, no hidden characters."""
    text = unicodedata.normalize("NFKC", text).replace("’", "'").replace("‘", "'")
    return re.sub("[\u00ad\u200b-\u200d\u2060\ufeff]", "", text)


def find(phrase, text):
    """Return a phrase as it stands in the text, as whole words, or ""."""
    phrase = evened(phrase).strip()
    stem = phrase.removesuffix("*")
    words = r"\s+".join(re.escape(word) for word in stem.split())
    if not words:
        return ""
    end = r"\w*" if phrase.endswith("*") else r"(?!\w)"
    match = re.search(rf"(?<!\w){words}{end}", text, re.IGNORECASE)
    return match[0] if match else ""


def about_words(text, params):
    """Object to words that the brand does not use."""
    for phrase, instead in params.get("prefer", {}).items():
        if said := find(phrase, text):
            yield f'The post says "{said}"; say "{instead}" instead.'
    for phrase in params.get("forbidden", []):
        if said := find(phrase, text):
            yield f'The post uses "{said}", which is not our language; say it without.'
    for name in params.get("competitors", []):
        if said := find(name, text):
            yield f'The post names "{said}"; speak about our own work and leave others out.'


def about_claims(text, params):
    """Object to promises that nobody can keep."""
    for kind in params.get("claims", list(CLAIMS)):
        deed, instead, patterns = CLAIMS[kind]
        for match in re.finditer(rf"(?<!\w)(?:{'|'.join(patterns)})(?!\w)", text, re.IGNORECASE):
            if not DENIAL.search(text[: match.start()].lower()):
                yield f'The post {deed} with "{match[0]}"; {instead}.'


def about_voice(text, params):
    """Object to the wrong person speaking."""
    voice = params.get("voice", "any")
    other = {"we": "I", "I": "we"}.get(voice)
    if other and FIRST_PERSON[other].search(text):
        yield f'The post speaks as "{other}"; speak as "{voice}".'


def about_tone(text, params):
    """Object to shouting."""
    allowed = CAPS | {word.upper() for word in params.get("allow_caps", [])}
    for match in SHOUTED.finditer(text):
        words = [word for word in re.findall(r"[A-Z'’]+", match[0]) if word not in allowed and len(word) > 2]
        if len(words) > 1 or any(len(word) >= SHOUTED_LETTERS for word in words):
            yield f'The post shouts with "{match[0]}"; write it in lower case.'
    most = params.get("max_exclamations", 1)
    count = text.count("!") + text.count("！")
    if count > most:
        yield f"The post has {count} exclamation marks; use {f'at most {most}' if most else 'none'}."


def about_reading(text, params):
    """Object to sentences and words that are too long for the readers."""
    most = params.get("max_grade", 0)
    words = re.findall(r"[A-Za-z]+(?:['’][A-Za-z]+)?", text)
    # Of a few words, and of other languages, the formula says nothing.
    if not most or len(words) < 12 or len(words) < len(re.findall(r"\w+", text)) * 0.8:
        return
    sentences = max(1, len(re.findall(r"[.!?…]+(?:\s|$)|\n+", text.strip() + "\n")))
    grade = 0.39 * len(words) / sentences + 11.8 * sum(map(syllables, words)) / len(words) - 15.59
    if grade > most:
        yield f"The post takes {grade:.0f} years of school to read, more than {most:g}; use shorter sentences."


def syllables(word):
    """Return about how many syllables an English word has."""
    word = word.lower()
    count = len(re.findall(r"[aeiouy]+", word))
    silent = word.endswith("e") and not word.endswith(("le", "ee", "ie"))
    return max(1, count - silent)
