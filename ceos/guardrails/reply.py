"""Checks replies before they are published, because untrusted text may have steered the model.

This is the second of two guardrails around replies. It checks the reply alone and knows the author of every text, so it
holds against a model that obeys every word of a mention. The rules of all texts are in `rules.py`; the one here is
about the language of a reply. Its meaning is for the judge (`judge.py`).

A violation goes back to the model, so it never quotes the reply: the quotation might be dictated by a mention.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ceos.domain.agent import Agent
from ceos.domain.mentions import ConversationContext, Mention
from ceos.guardrails.denylist import is_about_money, language_of
from ceos.guardrails.deobfuscate import normalize
from ceos.guardrails.provenance import trusted_tokens
from ceos.guardrails.rules import TextContext, rule_violations, token_rules
from ceos.guardrails.tokens import canonical, find_tokens, without_tokens


def reply_violations(
    text: str, *, agent: Agent, mention: Mention, talk: ConversationContext, system_prompt: str
) -> list[str]:
    """Return the violations of a reply, a sentence each; an empty list means that it may be published."""
    own = tuple(cast.text for cast in talk.casts if cast.is_own)
    untrusted = tuple(_untrusted(mention, talk))
    context = TextContext(agent, noun="answer", own=own, untrusted=untrusted, prompt=system_prompt)
    bare = without_tokens(text, trusted_tokens(agent, own))
    found = [violation.sentence for violation in rule_violations([text], context)]
    found += _language_violations(bare, agent, mention, talk)
    return list(dict.fromkeys(found))


def reaction_violation(agent: Agent, mention: Mention, talk: ConversationContext) -> str:
    """Return the reason why the agent must not like or recast a cast, or an empty string."""
    texts = [mention.text, *talk.quotes]
    if mention.embeds:
        return "it carries a link or a picture that was not checked"
    own = [cast.text for cast in talk.casts if cast.is_own]
    for text in texts:
        # A mention names the agent; it must name no other account.
        names = {canonical(token.text) for token in find_tokens(text) if token.rule == "name"}
        if token_rules(text, agent, own) - {"name", "hashtag"} or is_about_money(text) or len(names) > 1:
            return "it carries a link, an address, a ticker or the name of another account"
    return ""


_SCRIPTS = {
    "Cyrillic": "\u0400-\u052f",
    "Greek": "\u0370-\u03ff",
    "Arabic": "\u0600-\u06ff\u0750-\u077f",
    "Hebrew": "\u0590-\u05ff",
    "Indic": "\u0900-\u0dff",
    "Thai": "\u0e00-\u0eff",
    "Kana": "\u3040-\u30ff",
    "Han": "\u3400-\u9fff",
    "Hangul": "\u1100-\u11ff\uac00-\ud7af",
    "Georgian or Armenian": "\u0530-\u058f\u10a0-\u10ff",
    "Ethiopic": "\u1200-\u137f",
    "Braille": "\u2800-\u28ff",
    "Runic": "\u16a0-\u16ff",
}


def _language_violations(text: str, agent: Agent, mention: Mention, talk: ConversationContext) -> Iterator[str]:
    seen = normalize(text)
    spoken = " ".join(
        [agent.persona.bio, *agent.persona.examples, mention.text, *(cast.text for cast in talk.casts if cast.is_own)]
    )
    language, heard = language_of(seen), {language_of(text) for text in (mention.text, spoken)}
    if language and language not in heard and "" not in {language_of(mention.text)}:
        yield "The answer is in another language than the cast; answer in the language you were spoken to in."
    for name, signs in _SCRIPTS.items():
        count = len(re.findall(f"[{signs}]", seen))
        # Japanese is written in both.
        heard_signs = signs + _SCRIPTS["Kana"] if name == "Han" else signs
        if count > 2 and not re.search(f"[{heard_signs}]", normalize(spoken)):
            yield "The answer is in an alphabet that the conversation does not use; answer in its language."


def _untrusted(mention: Mention, talk: ConversationContext) -> list[str]:
    """Return the untrusted texts of a conversation, quotations included."""
    texts = [mention.text, *(cast.text for cast in talk.casts if not cast.is_own), *talk.quotes]
    return texts + [quote for cast in talk.casts for quote in cast.quotes]
