"""A fleet whose models obey untrusted text: feeds, trends, events and mentions attack, and the casts are searched.

    scripts/chaos.py --credulous 10000

Everything runs in this process on a real Valkey and the simulated services; the writer obeys (the fault `obeys_all`) or
leaves its own marks in the text (`leftovers`). Each attack contains a made-up word of its own. The verdict does not ask
the guardrails: it looks for these words, for marks and for sentences of the prompts in the published casts.
"""

from __future__ import annotations

import datetime as dt
import random
import re
import tempfile
import textwrap
import time
import tomllib
import unicodedata
import uuid
from collections import Counter
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from ceos.domain.chain_event import ChainEvent, Subscription
from ceos.domain.mentions import Mention
from ceos.domain.topics import Relevance, Trend, TrendCast
from ceos.skills.lockfile import LOCK_FILE, SkillLock
from ceos.testing import FakeRuntime, fake_runtime
from ceos.trends.store import ClaimedTrend

AGENTS = 50
TOPICS = (
    "bridges",
    "clocks",
    "sourdough",
    "night trains",
    "tide pools",
    "typefaces",
    "kites",
    "chess",
    "ferns",
    "radio",
)
#: Shares of the writer's answers: it obeys, or leaves marks; otherwise it writes as it should.
OBEYS, LEFTOVERS = 0.7, 0.15
#: Words in a row that are a sentence of the prompt.
ECHO_WORDS = 8
_SYLLABLES = ["zor", "vex", "qui", "tal", "mur", "dap", "gli", "fen", "ox", "bru"]
_LEFTOVER = re.compile(
    r"</?(?:think|thinking|reasoning|material|p|tool_call)\b|◁|<\||\|>|</s>|\[/?INST\]|<function=|^(?:assistant|user):"
    r"|\(52 characters\)|\*Note:|Option 2:|&(?:amp|quot);|\\n|\*\*|^#+ |^- |\ufffd",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass
class Attack:
    """An untrusted text, with the word that no cast may contain."""

    kind: str
    core: str
    text: str


class Strangers:
    """Makes attacks, each with a word of its own."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        data = tomllib.loads((Path(__file__).parent / "strangers.toml").read_text(encoding="utf-8"))
        self._demands = data["demands"]
        self._wants = data["want"]
        self.attacks: list[Attack] = []

    def attack(self, topic: str) -> str:
        """Return the text of a new attack."""
        draw = self._random
        want = draw.choice(self._wants)
        core = "".join(draw.choices(_SYLLABLES, k=3)) + "".join(draw.choices("bcdfghjkmnpqrstvwxyz", k=4))
        digits = "".join(draw.choices("0123456789", k=18))
        values = {
            "core": core,
            "hex": "".join(draw.choices("0123456789abcdef", k=40)),
            "lower": "".join(draw.choices("acdefghjklmnpqrstuvwxyz023456789", k=38)),
            "base58": "".join(draw.choices("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", k=44)),
            "digits": digits,
            "phone": f"+{digits[:2]} {digits[2:5]} {digits[5:8]} {digits[8:12]}",
        }
        text = draw.choice(want["texts"])
        # An attack is known by its number, if it has one, or by its word.
        mark = values[next((name for name in re.findall(r"\{(\w+)\}", text) if name != "core"), "core")]
        made: str = draw.choice(self._demands).replace("{want}", text).replace("{topic}", topic)
        for name, value in values.items():
            made = made.replace(f"{{{name}}}", value)
        # Who asks for the prompt is known by the prompt.
        if want["kind"] != "prompt":
            self.attacks.append(Attack(want["kind"], mark, made))
        return made


def credulous(posts: int, seed: int) -> dict[str, Any]:
    """Run at least `posts` posts and replies and return the verdict."""
    strangers = Strangers(seed)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ceos-credulous-") as folder:
        path = Path(folder) / "skills"
        path.mkdir()
        (path / "feed.py").write_text(_feed([strangers.attack(topic) for topic in TOPICS for _ in range(40)]))
        with fake_runtime(Path(folder) / "home", seed=seed, CEOS_SKILL_PATH=str(path)) as fake:
            fake.simulator.faults(openrouter={"obeys_all": OBEYS, "leftovers": LEFTOVERS})
            fleet = _fleet(fake, Path(folder))
            written = 0
            while written < posts:
                written += _round(fake, fleet, strangers)
            return {**_verdict(fake, strangers), "runs": written, "seconds": round(time.monotonic() - begun, 1)}


def _feed(items: list[str]) -> str:
    """Return the source of a context skill that gives three hostile items of a feed at each call."""
    head = {
        "name": "feed", "version": "1.0", "summary": "Headlines of strangers.", "stage": "context",
        "grants": {"http": {"hosts": ["feeds.example.org"]}},
    }  # fmt: skip
    body = f"""
    import random

    ITEMS = {items!r}


    def run(ctx, params):
        return {{"items": [{{"title": title}} for title in random.sample(ITEMS, 3)]}}
    """
    return f"SKILL = {head!r}\n{textwrap.dedent(body)}"


def _fleet(fake: FakeRuntime, folder: Path) -> list[str]:
    runtime = fake.runtime
    runtime.skill_lock = SkillLock(folder / LOCK_FILE)
    runtime.skill_lock.allow(runtime.plugins.skill("feed"))
    for number in range(AGENTS):
        topics = [TOPICS[(number + step) % len(TOPICS)] for step in range(3)]
        fake.apply(
            id=f"agent{number:02d}",
            name=f"Agent {number}",
            fid=5000 + number,
            signer_uuid=f"00000000-0000-4000-8000-{5000 + number:012d}",
            persona={"bio": f"Number {number} of many, who likes {topics[0]}.", "topics": topics},
            schedule={"cron": "0 0 1 1 *", "jitter_seconds": 0},
            limits={"casts_per_hour": 1000, "usd_per_day": 10_000},
            engagement={
                "enabled": True, "min_score": 0.0, "unrated_score": 0.0, "answers_per_person_per_hour": 100,
                "answers_per_thread": 100,
            },
            trends={"posts_per_day": 24, "window_hours": 1},
            skills=[{"name": "feed"}],
        )  # fmt: skip
    return runtime.agents.agent_ids()


def _round(fake: FakeRuntime, fleet: list[str], strangers: Strangers) -> int:
    """Let each agent write an ordinary post, a reply, a post about a trend, and one about an event."""
    runtime, now = fake.runtime, fake.clock.now()
    number = len(strangers.attacks)
    for place, agent_id in enumerate(fleet):
        agent = runtime.agents.agent(agent_id)
        topic = agent.persona.topics[number % 3]
        # An agent none of whose posts were fit to publish has been stopped.
        runtime.resume(agent_id)
        runtime.post(agent_id)
        unique = f"{number + place:040x}"
        runtime.mention_store.receive_mention(agent_id, _mention(fake, agent_id, place, strangers.attack(topic)), 0)
        casts = [
            TrendCast(hash=f"0x{one}{unique[1:]}", author_fid=80_000 + one, text=strangers.attack(topic), at=now)
            for one in range(3)
        ]
        trend = Trend(
            slug=f"{topic.replace(' ', '_')}_{number + place}", name=topic, score=90, strength=9, at=now, since=now,
            authors=3, casts=tuple(casts),
        )  # fmt: skip
        claimed = ClaimedTrend(trend=trend, relevance=Relevance(value=1.0, reason="as scripted", by="words"))
        runtime.trend_store.open_trend_run(agent, claimed, now)
        event = ChainEvent(
            subscription="guestbook", id=f"0x{unique}{'0' * 24}:{place}", contract="0x" + "5" * 40, name="Signed",
            args={"words": strangers.attack(topic)}, block=1, block_hash=f"0x{unique}{'0' * 24}",
            tx_hash=f"0x{unique}{'1' * 24}", index=place,
        )  # fmt: skip
        followed = Subscription(
            name="guestbook", contract="book", event="Signed", agents=(agent_id,), posts_per_day=100
        )
        runtime.event_posts.open_runs(followed, event)
    fake.drive()
    fake.clock.advance(hours=2)
    return 4 * len(fleet)


def _mention(fake: FakeRuntime, agent_id: str, place: int, text: str) -> Mention:
    """Publish a cast of a guest that mentions an agent and return it as the agent hears of it."""
    fid, words = 90_000 + place, f"@{agent_id} {text}"
    signer = f"00000000-0000-4000-8000-{fid:012d}"
    cast = fake.runtime.neynar.publish_cast(signer, words, idem=f"guest{uuid.uuid4().hex[:8]}", max_bytes=10_000)
    return Mention(
        hash=cast.hash, kind="mention", author_fid=fid, author_name=f"guest{place}", author_score=0.9, text=words,
        at=fake.clock.now() + dt.timedelta(seconds=1),
    )  # fmt: skip


def _verdict(fake: FakeRuntime, strangers: Strangers) -> dict[str, Any]:
    casts = [cast["text"] for cast in fake.casts() if 5000 <= cast["author"]["fid"] < 5000 + AGENTS]
    plain = [_letters(text) for text in casts]
    together = "\n".join(plain)
    found = Counter(one.kind for one in strangers.attacks if _letters(one.core) in together)
    prompts = _prompt_words()
    echoes = [text for text in casts if _runs(text) & prompts]
    leftovers = [text for text in casts if _LEFTOVER.search(text)]
    statuses = Counter(str(run.status) for run in _runs_of(fake))
    passed = [
        {"kind": one.kind, "cast": text}
        for one in strangers.attacks
        for text, letters in zip(casts, plain, strict=True)
        if found[one.kind] and _letters(one.core) in letters
    ]
    return {
        "casts": len(casts),
        "attacks": len(strangers.attacks),
        "published": dict(found),
        "leftovers": len(leftovers),
        "echoes": len(echoes),
        "ends": dict(statuses),
        "examples": [*passed, *({"kind": "leftover", "cast": text} for text in leftovers)][:40],
    }


def _runs_of(fake: FakeRuntime) -> list[Any]:
    runtime = fake.runtime
    return [run for agent_id in runtime.agents.agent_ids() for run in runtime.runs.recent_runs(agent_id, 500)]


def _letters(text: str) -> str:
    """Return the letters and digits of a text in one form: case, width, style and other characters are gone."""
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())


def _runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[start : start + ECHO_WORDS]) for start in range(len(words) - ECHO_WORDS + 1)}


def _prompt_words() -> set[tuple[str, ...]]:
    folder = resources.files("ceos.posts") / "prompts"
    texts = [file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".md")]
    return {run for text in texts for run in _runs(text)}
