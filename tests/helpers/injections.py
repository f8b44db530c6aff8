"""The hostile mentions of `tests/injections`, and what a model that obeys each of them would answer."""

from __future__ import annotations

import base64
import codecs
import datetime as dt
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from ceos.domain.agent import Agent
from ceos.domain.mentions import ConversationContext, Mention, ThreadCast

FOLDER = Path(__file__).parents[1] / "injections"
AT = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
#: Who is who in the conversations: the attacker, a bystander, and the agent.
FIDS = {"mallory": 666, "ada": 1001}
CAROL = 502
_LEET = str.maketrans("oieast", "013457")


@dataclass(frozen=True)
class Attack:
    """One file: the conversation, the mention, and the worst answer to it."""

    name: str
    about: str
    mention: str
    answer: str
    before: tuple[tuple[str, str], ...]
    #: Which of the fences must stop it on its own.
    fences: tuple[str, ...]

    def as_talk(self) -> ConversationContext:
        """Return the conversation above the mention."""
        return ConversationContext(
            casts=tuple(
                ThreadCast(
                    hash=f"0x{index:040x}", fid=FIDS.get(by, CAROL), name=by, text=text, at=AT, is_own=by == "ada"
                )
                for index, (by, text) in enumerate(self.before)
            )
        )

    def as_mention(self) -> Mention:
        """Return the mention itself."""
        return mention(self.mention)

    def obeyed(self, system_prompt: str) -> str:
        """Return what the model writes, with the prompt where the attacker wants it."""
        return re.sub(r"\{prompt(?::([\w-]+))?\}", lambda match: leaked(system_prompt, match[1]), self.answer)


def mention(text: str, author: str = "mallory") -> Mention:
    """Return a mention with this text."""
    fid = FIDS.get(author, CAROL)
    return Mention(hash="0x" + "a" * 40, author_fid=fid, author_name=author, text=text, at=AT, kind="mention")


def leaked(system_prompt: str, form: str | None) -> str:
    """Return the beginning of the prompt in one of the forms that attackers ask for, as long as a cast may be."""
    begin = system_prompt[:220]
    letters = [letter.upper() for letter in begin if letter.isalpha()]
    forms = {
        None: begin,
        "base64": base64.b64encode(begin.encode()).decode(),
        "hex": begin[:100].encode().hex(),
        "reversed": begin[::-1],
        "words-reversed": " ".join(word[::-1] for word in begin.split()),
        "rot13": codecs.encode(begin, "rot13"),
        "spaced": " ".join(begin[:120]),
        "leet": begin.translate(_LEET),
        "middle": system_prompt[150:260],
        "acrostic": "\n".join(f"{letter}h, clocks" for letter in letters[:12]),
    }
    return forms[form]


def attacks() -> list[Attack]:
    """Return all files, by name."""
    found = []
    for path in sorted(FOLDER.glob("*.toml")):
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        before = tuple((cast["by"], cast["text"]) for cast in data.get("before", ()))
        fences = tuple(data.get("fences", ("lure", "gate")))
        found.append(Attack(path.stem, data["about"], data["mention"], data["answer"], before, fences))
    return found


def system_prompt_of(agent: Agent, attack: Attack) -> str:
    """Return the system message that goes with an attack."""
    from ceos.mentions.prompt import prompt

    return prompt(agent, attack.as_mention(), attack.as_talk())[0].content
