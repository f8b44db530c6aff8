"""A strategy for mentions: it answers questions, likes praise, recasts relevant quotes and ignores the rest."""

from __future__ import annotations

import re

from ceos import Agent, ConversationContext, Decision, Mention, Strategy

#: The relevance from which a cast is answered, liked or recast.
ANSWER, LIKE, RECAST = 0.5, 0.3, 0.8
#: The reactions to a cast, and the rating of its author, from which it is recast.
RECAST_REACTIONS, RECAST_SCORE = 5, 0.7
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
    """Answers questions and greetings, likes praise and recasts relevant quotes; writes no posts of its own."""

    name = "engagement"
    summary = "decides about mentions; writes no posts"

    def decide(self, agent: Agent, mention: Mention, talk: ConversationContext) -> Decision:
        """Decide by simple rules, and otherwise by relevance, for which a model is asked."""
        del agent
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
        return _by_relevance(mention, talk, is_short=len(words) <= SHORT_WORDS and said.isascii())


def _by_relevance(mention: Mention, talk: ConversationContext, *, is_short: bool) -> Decision:
    relevance = talk.relevance()
    found = f"its relevance is {relevance:.2f}"
    is_good = talk.likes + 2 * talk.recasts >= RECAST_REACTIONS and (mention.author_score or 0.0) >= RECAST_SCORE
    if mention.kind == "quote" and relevance >= RECAST and is_good:
        return Decision(action="recast", reason=f"{found}, and others like it")
    if relevance >= ANSWER and not is_short and mention.kind != "quote":
        return Decision(action="answer", reason=found)
    if relevance >= LIKE:
        return Decision(action="like", reason=found)
    return Decision(action="ignore", reason=f"{found}, and it asks nothing")
