"""Checks the quality of every draft before it is shown or published: leftovers of the model, length, repetition.

A violation is a sentence that goes into the next prompt, so it says what to do instead. The checks rather miss a bad
post than refuse a good one: a refusal counts at the beginning of a part only, so a post may quote one, and an agent may
speak about being an AI, but not decline as a language model does.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

from ceos.domain.text import MARKER, SPACELESS, byte_length, fit, similarity

#: The similarity from which a post repeats an earlier one. Posts on one topic share up to half of their shingles.
TOO_SIMILAR = 0.7


def quality_violations(
    text_parts: Sequence[str],
    *,
    finish_reason: str | None,
    recent: Sequence[str],
    banned: Sequence[str],
    limit: int,
) -> list[str]:
    """Return the violations of the parts of a draft, a sentence each; an empty list means that they may be published.

    >>> quality_violations(["Sure! Here's your post: gm"], finish_reason="stop", recent=(), banned=(), limit=320)
    ['The post starts with a remark to the reader of the draft; write only the post itself.']
    """
    found = [*_ending_violations(finish_reason)]
    if not any(_has_content(part) for part in text_parts):
        return [*found, "The post is empty; write a text."]
    for part in text_parts:
        found += _part_violations(part, limit)
    found += _repetition_violations(text_parts, recent)
    found += _banned_word_violations(text_parts, banned)
    return list(dict.fromkeys(found))


def _ending_violations(finish_reason: str | None) -> Iterator[str]:
    if finish_reason == "length":
        yield "The post is cut off; write it shorter and finish the last sentence."
    elif finish_reason == "content_filter":
        yield "The post was stopped by the content filter; write about the topic in a harmless way."
    elif finish_reason == "error":
        yield "The post broke off with an error; write it again from the beginning."


def _part_violations(part: str, limit: int) -> Iterator[str]:
    opening = _opening(part)
    if not _has_content(part):
        yield "One part of the thread is empty; give every part a text or leave it out."
    if _REFUSAL.match(opening) or _MODEL_VOICE.search(opening):
        yield "The post declines the task as a language model would; write the post itself, in the persona's voice."
    elif _PREAMBLE.match(opening) or _LABEL.match(opening):
        yield "The post starts with a remark to the reader of the draft; write only the post itself."
    if _OFFER.search(part):
        yield "The post ends with an offer to change it; write only the post itself."
    if _is_data(part):
        yield "The post is JSON or a block of code; write plain text."
    if left_over := _PLACEHOLDER.search(_CODE.sub(" ", part)):
        yield f'The post still contains the placeholder "{_beginning(left_over[0])}"; fill it in or leave it out.'
    if MARKER.search(part):
        yield "The post contains a split marker inside a part; put the marker only between two parts."
    if (size := byte_length(part)) > limit:
        yield f"A part has {size:,} bytes, more than the {limit:,} allowed; write it shorter."


def _repetition_violations(parts: Sequence[str], recent: Sequence[str]) -> Iterator[str]:
    plain = [" ".join(part.casefold().split()) for part in parts]
    if len(set(plain)) < len(plain):
        yield "Two parts of the thread are identical; write each part once."
    earlier = [cast for cast in recent if _has_content(cast)]
    for part in parts:
        for cast in earlier:
            if similarity(part, cast) >= TOO_SIMILAR:
                yield f'The post repeats the earlier one that begins "{_beginning(cast)}"; write something different.'


def _banned_word_violations(parts: Sequence[str], banned: Sequence[str]) -> Iterator[str]:
    text = _plain("\n".join(parts))
    for phrase in banned:
        pattern = _word_pattern(phrase)
        if pattern is not None and pattern.search(text):
            yield f'The post uses "{phrase.strip()}", which the agent must avoid; say it without.'


def mentions_any(text: str, phrases: Sequence[str]) -> bool:
    """Say whether one of these phrases occurs in a text as whole words, in any case and form."""
    plain = _plain(text)
    return any(pattern.search(plain) for phrase in phrases if (pattern := _word_pattern(phrase)))


def _has_content(text: str) -> bool:
    """Say whether there is a letter, a number or an emoji in the text."""
    return any(unicodedata.category(char)[0] in "LN" or unicodedata.category(char) == "So" for char in text)


def _beginning(text: str) -> str:
    return fit(" ".join(text.split()), 60)


def _opening(part: str) -> str:
    """Return a part as the patterns below expect it: straight apostrophes, no emphasis, no leading white space."""
    text = part.translate(_STRAIGHT)
    return re.sub(r"[*_`]|^[#>\s]+", "", text).strip()


_STRAIGHT = str.maketrans("’‘ʼ`´", "'''''")


# Refusals, preambles and offers of models. All but the offer are matched against `_opening`.


def _any_of(*patterns: str) -> re.Pattern[str]:
    """Compile alternatives; `~` stands for a few words of the same sentence, `<…>` for a group from `_WORDS`."""
    joined = re.sub(r"<(\w+)>", lambda match: _WORDS[match[1]], "|".join(patterns))
    return re.compile(joined.replace("~", r"[^.!?\n]{0,80}"), re.IGNORECASE)


_WORDS = {
    "unable": r"(?:can't|cannot|can not|won't|will not|must decline|(?:am|'m) (?:not able|unable) to)",
    "write": r"(?:write|create|generate|produce|provide|complete)",
    "post": r"(?:posts?|casts?|tweets?|drafts?|captions?|versions?|rewrites?|repl(?:y|ies))",
    "wanted": r"(?:that|this|such|content|posts?|tweets?|(?:an?|any|the|your)\b~\b(?:posts?|casts?|tweets?|content)\b)",
    "sorry": r"(?:(?:i'm|i am) (?:(?:very|so|really|truly) )?sorry|sorry|apologies|i apologi[sz]e|unfortunately)",
    "sure": r"(?:sure(?: thing)?|certainly|of course|absolutely|okay|ok|got it|great)",
}
_REFUSAL = _any_of(
    r"<sorry>~\bi\s?<unable>",
    r"i\s?<unable> (?:assist|comply|engage|help (?:you )?with|fulfil+|<write>\s+<wanted>)",
    r"as an ai(?:,| language model| model| assistant| chatbot)~\bi\s?(?:<unable>|don't|do not|must not)",
    # Spanish
    r"(?:lo siento|lo lamento|disculpa|perd[oó]n)~\bno puedo\b",
    r"no puedo (?:ayudar|cumplir|crear (?:ese|este)|escribir (?:ese|este)|generar)",
    r"como (?:una? )?(?:modelo de lenguaje|ia|inteligencia artificial)\b~\bno\b",
    # German
    r"(?:es )?tut mir (?:sehr )?leid~\bkann\b~\b(?:nicht|keinen?)\b",
    r"(?:leider )?(?:kann ich|ich kann) (?:dir|ihnen|euch|dabei|damit|das|diese[nr]?)\b~"
    r"\bnicht (?:helfen|weiterhelfen|erstellen|erfüllen|schreiben)\b",
    r"als (?:ein )?(?:ki|sprachmodell|ki-modell|ki-assistent)\b~\b(?:nicht|keinen?)\b",
    # French
    r"(?:je suis )?(?:désolée?|navrée?)~\bje ne (?:peux|suis)\b",
    r"je ne (?:peux|suis) pas (?:en mesure|vous aider|t'aider|répondre à (?:cette|votre)|générer|écrire cela)\b",
    r"en tant qu(?:e |')(?:ia|intelligence artificielle|modèle de langage|assistant)\b~\bne\b",
    # Portuguese and Italian
    r"(?:desculpe|desculpa|sinto muito|lamento)~\bnão posso\b",
    r"não posso (?:ajudar|cumprir|criar (?:esse|este)|escrever (?:esse|este)|gerar)",
    r"como (?:uma? )?(?:modelo de linguagem|ia|inteligência artificial)\b~\bnão\b",
    r"(?:mi dispiace|spiacente)~\bnon posso\b",
    # Chinese and Japanese
    r"(?:很?抱歉|对不起|對不起)[,，]?我?(?:不能|无法|無法)",
    r"(?:申し訳|すみません|ごめんなさい)[^。\n]{0,60}(?:できません|できかねます)",
)
#: The voice of a model, anywhere in a part.
_MODEL_VOICE = _any_of(
    r"\bas an? (?:(?:large )?(?:ai )?language model|ai (?:assistant|chatbot|model))"
    r"(?: (?:trained|developed|created) by \w+)?,? (?:i|my)\b"
)
_PREAMBLE = _any_of(
    r"<sure>\b[!,.:;\s–—-]*(?:here(?:'s| is| are| you go)\b|below (?:is|are)\b)",
    r"<sure>\b[!,.:;\s–—-]*(?:i'll|i will|i can|let me) (?:write|draft|create|craft)\b",
    r"certainly!",
    r"(?:here(?:'s| is| are)|below (?:is|are)|i've (?:written|drafted)) (?:your|the|an?|my|one|some)\b~\b<post>\b~:",
    r"(?:here(?:'s| is)|below is) your (?:[\w-]+ ){0,3}(?:thread|text|message)\b~:",
    r"(?:claro[!,.]* )?aqu[ií] (?:tienes|está) (?:tu|el|un|una|la|o|seu|um)\b~:",
    r"(?:(?:natürlich|gern)[!,.]* )?hier ist (?:dein|ihr|der|ein) (?:\w+ ){0,2}(?:beitrag|<post>)\b~:",
    r"(?:bien sûr[ !,.]* )?voici (?:votre|ton|une?|le|la) (?:[\w-]+ ){0,2}(?:publication|<post>)\b~:",
)
_LABEL = _any_of(
    r"(?:tweet|cast|post|caption|draft)(?:\s*#?\d+(?:\s*(?:/|of)\s*\d+)?)?\s*:",
    r"(?:tweet|cast|post)\s*\d+\s*(?:/|of)\s*\d+\b",
)
_OFFER = _any_of(
    r"let me know if you(?:['’]d| would)? (?:like|want|need) (?:me to|any (?:changes|edits)|another version)[^\n]*$",
    r"would you like me to (?:adjust|change|write|make|revise)[^\n]*$",
    r"feel free to (?:adjust|edit|tweak) (?:it|this|the)\b[^\n]*$",
)


# Leftovers

_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
_FIELDS = "topics?|name|your_name|handle|username|persona|bio|tone|date|time|link|url|title|text|recent|hashtags?|agent"
_PLACEHOLDER = re.compile(
    r"\[(?:insert|add|your)\b[^\]\n]{0,60}\](?!\()"
    r"|\[(?:link|url|(?:company |project )?name|topic|date|time|image|hashtags?|handle|username|placeholder)\](?!\()"
    r"|\[(?:image|photo|picture|gif|video|alt text):[^\]\n]{0,200}\]"
    r"|<(?:insert|your)\b[^>\n]{0,60}>|<(?:topic|link|url|name|handle)>"
    rf"|\{{\{{\s*\w+\s*\}}\}}|(?<![\w$\\{{])\{{(?:{_FIELDS})\}}|\blorem ipsum\b",
    re.IGNORECASE,
)
_FENCED = re.compile(r"```[^\n`]*\n.*?(?:```)?", re.DOTALL)


def _is_data(part: str) -> bool:
    """Say whether the whole part is a fenced block or JSON, complete or broken off."""
    text = part.strip()
    if _FENCED.fullmatch(text) or re.match(r'[{\[]\s*(?:\{\s*)?"[^"\n]+"\s*:', text):
        return True
    if text[:1] not in ("{", "["):
        return False
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


# Banned words


def _plain(text: str) -> str:
    """Return a text in the form in which banned words are searched: one case, one form, no invisible characters."""
    text = unicodedata.normalize("NFKC", text).translate(_STRAIGHT).casefold()
    return re.sub("[\u00ad\u200b-\u200d\u2060\ufeff]", "", unicodedata.normalize("NFKC", text))


@lru_cache(maxsize=1_024)
def _word_pattern(phrase: str) -> re.Pattern[str] | None:
    """Return a pattern that finds the phrase as whole words.

    A script without spaces has no visible words: there the phrase counts anywhere, and characters of it beside a Latin
    word do not hide that word.
    """
    words = _plain(phrase).split()
    if not words:
        return None
    letter = f"[^\\W{SPACELESS}]"
    body = r"\s+".join(re.escape(word) for word in words)
    before = f"(?<!{letter})" if re.match(letter, words[0]) else ""
    after = f"(?!{letter})" if re.match(letter, words[-1][-1]) else ""
    return re.compile(before + body + after)
