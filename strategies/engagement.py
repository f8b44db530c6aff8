"""A strategy for mentions: it answers questions, likes praise, recasts very good casts and ignores the rest."""

from __future__ import annotations

import re

from ceos import Agent, ConversationContext, Decision, Mention, Strategy

#: The relevance from which a cast is answered or liked.
ANSWER, LIKE = 0.5, 0.3
#: A cast is recast only if it has this many words, or characters in a script without spaces: it stands alone then.
FULL_WORDS, FULL_CHARACTERS = 8, 24
#: A cast of at most this many words is not answered unless it is a question.
SHORT_WORDS = 3

_QUESTION = re.compile(
    r"[?？؟¿]|^\W*(?:@\S+\W+)*(?:what|who|whom|whose|why|how|when|where|which|do you|did you|can you|could you|"
    r"would you|"
    r"are you|is there|have you|should i|qué|cómo|por qué|quién|cuál|warum|wie|was|welche\w*|wer|pourquoi|comment|"
    r"quel\w*|"
    r"как|почему|что|какие|какой|какая|なぜ|何|どう|为什么|怎么|什么|哪|क्या|कैसे|क्यों|كيف|لماذا|ما |هل )\b"
    r"|(?:か|吗|嗎|呢)[。！!？?\s]*$",
    re.IGNORECASE,
)
_PRAISE = re.compile(
    r"\b(?:thanks?|thank you|thx|ty|love (?:this|it|that)|great|nice|beautiful|well said|well put|agreed?|exactly|"
    r"so true|"
    r"congrats|congratulations|amazing|lovely|brilliant|gracias|merci|danke|obrigad[oa]|grazie|bravo|genial|super)\b"
    r"|спасибо|谢谢|謝謝|ありがとう|감사|धन्यवाद|شكرا|❤|🔥|👏|🙏|💯|💜|😍|👍",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"\b(?:gm|gn|hi|hello|hey|good (?:morning|evening|night)|welcome|hola|bonjour|hallo|moin|ciao|olá|привет|namaste)\b"
    r"|你好|こんにちは|おはよう|안녕|नमस्ते|مرحبا",
    re.IGNORECASE,
)
_NAME = re.compile(r"@[\w.-]+")


class Engagement(Strategy):
    """Answers questions and greetings, likes praise and recasts very good casts; writes no posts of its own."""

    name = "engagement"
    summary = "decides about mentions; writes no posts"

    def decide(self, agent: Agent, mention: Mention, talk: ConversationContext) -> Decision:
        """Decide by simple rules, and otherwise by relevance, for which a model is asked."""
        said = _NAME.sub(" ", mention.text).strip()
        words = re.findall(r"\w+", said)
        if _QUESTION.search(said):
            return Decision(action="answer", reason="it asks a question")
        if _PRAISE.search(said) and len(words) <= 4 * SHORT_WORDS:
            return Decision(action="like", reason="it is praise or thanks")
        if _GREETING.search(said) and len(words) <= 2 * SHORT_WORDS and mention.kind == "mention":
            return Decision(action="answer", reason="it is a greeting")
        if not words:
            return Decision(action="ignore", reason="it names the agent and says nothing")
        return _by_relevance(agent, mention, talk, said)


def _by_relevance(agent: Agent, mention: Mention, talk: ConversationContext, said: str) -> Decision:
    relevance = talk.relevance()
    found = f"its relevance is {relevance:.2f}"
    words = len(re.findall(r"\w+", said))
    is_short = words <= SHORT_WORDS and said.isascii()
    stands_alone = words >= FULL_WORDS or (not said.isascii() and len(said) >= FULL_CHARACTERS)
    if relevance >= agent.engagement.recast_min_relevance and stands_alone and _deserves_recast(agent, mention, talk):
        return Decision(action="recast", reason=f"{found}, and its author's score is {mention.author_score:.2f}")
    if relevance >= ANSWER and not is_short and mention.kind != "quote":
        return Decision(action="answer", reason=found)
    if relevance >= LIKE:
        return Decision(action="like", reason=found)
    return Decision(action="ignore", reason=f"{found}, and it asks nothing")


def _deserves_recast(agent: Agent, mention: Mention, talk: ConversationContext) -> bool:
    rules = agent.engagement
    is_liked = talk.likes + 2 * talk.recasts >= rules.recast_min_reactions
    return talk.can_recast and is_liked and (mention.author_score or 0.0) >= rules.recast_min_score
