"""Simulated users who see casts published through the API, and like, answer, quote, follow, attack or spam.

Nothing runs in the background. All reactions to a cast and their times are drawn from the seed when the cast is
published; each request first carries out those that are due, by `catch_up`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from functools import partial
from math import log
from typing import Any

from ceos.simulator.audience.population import SEES, SEES_FOLLOWED, Person, attention, odds, population
from ceos.simulator.audience.voices import INJECTIONS, VOICES
from ceos.simulator.audience.waves import trending
from ceos.simulator.chance import number, share
from ceos.simulator.neynar.publishing import LONG_CAST_BYTES, TEN_K_CAST_BYTES, Publishing
from ceos.simulator.people import username
from ceos.simulator.prose import Prose
from ceos.simulator.world import Cast, World

#: Seconds between posts about trending topics, and the seconds of such posts before the simulator starts.
WAVE_SECONDS, WARM_SECONDS = 1800.0, 43_200.0
#: After a longer pause than this, the posts of its beginning are left out.
_LONGEST_PAUSE = 7 * 86_400.0
#: Posts per user and step about a topic at its peak, and the share of users who like one of these.
_TALK, _APPLAUSE = 0.06, 0.2
#: The probabilities that hostile users, spammers and bots react to a seen post, and that an attacker continues.
_ATTACKS, _SPAMS, _CHATS, _COMES_BACK = 0.3, 0.25, 0.3, 0.5
#: The probabilities of reactions to an answer from the account.
_ANSWER_LIKED, _ANSWER_FOLLOWED, _ANSWERED_BACK = 0.6, 0.25, 0.5
#: The shares of questions and praise among friendly answers; the rest are opinions. Some have a picture only.
_QUESTIONS, _PRAISE, _WORDLESS = 0.5, 0.3, 0.03
#: The factor for a post that only continues a thread.
_CONTINUES = 0.3


class Audience:
    """The reactions of all users, each at its own time."""

    def __init__(self, world: World, options: dict[str, Any], publishing: Publishing, prose: Prose) -> None:
        self.world = world
        self.people: dict[int, Person] = {}
        self._options = options
        self._publishing = publishing
        self._prose = prose
        #: The planned actions: time, order among simultaneous ones, and function.
        self._deeds: list[tuple[float, int, Callable[[], None]]] = []
        self._planned = 0
        self._fans: list[Person] = []
        #: True if the next posts about trending topics are planned.
        self._talks = False
        self._crowd: tuple[int, dict[str, float]] = (0, {})

    def sync(self) -> None:
        """Apply changed options; another size or other shares create another audience."""
        roles = {role: float(self._options[f"audience_{role}s"]) for role in ("hostile", "spammer", "bot")}
        size = int(self._options["audience"])
        if (size, roles) == self._crowd:
            return
        self._crowd = (size, roles)
        self.people = {person.fid: person for person in population(self.world.seed, size, roles)}
        self._fans = [person for person in self.people.values() if person.role == "fan"]
        for person in self.people.values():
            self.world.profiles.setdefault(person.fid, {}).update(person.profile())
        if self._fans and not self._talks:
            self._talks = True
            self._plan(self.world.now() - WARM_SECONDS, self._talk)

    def catch_up(self) -> None:
        """Carry out the actions that are due."""
        now = self.world.now()
        while self._deeds and self._deeds[0][0] <= now:
            due, _, deed = heapq.heappop(self._deeds)
            with self.world.timeline.at(due):
                deed()

    def published(self, cast: Cast) -> None:
        """Plan which users see a cast that was published through the API."""
        if not self.people or cast.fid in self.people:
            return
        asker = self.people.get(cast.parent_fid or 0)
        if asker:
            self._plan(cast.at + self._delay(asker, cast) / 5, partial(self._hear, asker, cast))
        elif cast.parent_fid in (None, cast.fid):
            reach = (_CONTINUES if cast.parent_hash else 1.0) * attention(cast.at)
            for person in self.people.values():
                follows = cast.fid in self.world.following.get(person.fid, ())
                if self._does(person, cast, "sees", reach * (SEES_FOLLOWED if follows else SEES)):
                    self._plan(cast.at + self._delay(person, cast), partial(self._view, person, cast))

    # What the roles do

    def _view(self, person: Person, cast: Cast) -> None:
        if cast.deleted:
            return
        if person.role == "fan":
            self._enjoy(person, cast)
        elif person.role == "hostile":
            if self._does(person, cast, "attack", _ATTACKS):
                self._attack(person, cast, openly=self._does(person, cast, "openly", 0.5))
        elif person.role == "spammer":
            if self._does(person, cast, "spam", _SPAMS):
                self._pester(person, cast)
        elif self._does(person, cast, "chat", _CHATS):
            self._say(person, self._line(person, cast, VOICES["bot"]), parent=cast)

    def _enjoy(self, person: Person, cast: Cast) -> None:
        continued = any(child.fid == cast.fid for child in self.world.latest(("children", cast.hash)))
        follows = cast.fid in self.world.following.get(person.fid, ())
        for action in ("like", "recast", "unfollow" if follows else "follow", "reply", "quote", "mention"):
            chance = odds(self.world.seed, person, cast, action, continued=continued)
            if self._does(person, cast, action, chance * self._options["audience_zeal"]):
                self._act(person, cast, action)
                if action in {"reply", "quote", "mention"}:
                    return

    def _act(self, person: Person, cast: Cast, action: str) -> None:
        match action:
            case "like" | "recast":
                self.world.react(cast, action, person.fid)
            case "follow":
                self.world.follow(person.fid, cast.fid)
            case "unfollow":
                self.world.unfollow(person.fid, cast.fid)
            case "reply" if self._does(person, cast, "wordless", _WORDLESS):
                embed = {"url": f"https://example.com/cat/{number(cast.hash) % 1000}.png"}
                self._say(person, "", parent=cast, embeds=[embed])
            case "reply":
                self._say(person, self._friendly(person, cast), parent=cast)
            case "quote":
                quoted = {"cast_id": {"fid": cast.fid, "hash": cast.hash}}
                self._say(person, self._line(person, cast, VOICES["quotes"]), embeds=[quoted])
            case _:
                self._say(person, f"@{self._name(cast.fid)} {self._line(person, cast, VOICES['questions'])}")

    def _hear(self, person: Person, answer: Cast) -> None:
        """React to an answer; a bot always answers back."""
        if answer.deleted:
            return
        if person.role == "bot":
            self._say(person, self._line(person, answer, VOICES["bot"]), parent=answer)
        elif person.role == "hostile":
            if self._does(person, answer, "attack", _COMES_BACK):
                self._attack(person, answer, openly=False)
        elif person.role == "fan":
            if self._does(person, answer, "like", _ANSWER_LIKED):
                self.world.react(answer, "like", person.fid)
            if self._does(person, answer, "follow", _ANSWER_FOLLOWED):
                self.world.follow(person.fid, answer.fid)
            if self._does(person, answer, "reply", _ANSWERED_BACK ** (1 + self._depth(answer) / 2)):
                self._say(person, self._line(person, answer, VOICES["answers_back"]), parent=answer)

    def _attack(self, person: Person, cast: Cast, *, openly: bool) -> None:
        """Send an injection, in answer to the cast or as a mention of its own."""
        text = INJECTIONS[number(self.world.seed, person.fid, cast.hash, "injection") % len(INJECTIONS)].text
        self.world.timeline.count("audience.attacks")
        if openly:
            self._say(person, f"@{self._name(cast.fid)} {text}")
        else:
            self._say(person, text, parent=cast)

    def _pester(self, person: Person, cast: Cast) -> None:
        text = self._line(person, cast, VOICES["spam"])
        if self._does(person, cast, "at length", 0.2):
            text = (text + " ") * (TEN_K_CAST_BYTES // (len(text.encode()) + 1))
        self._say(person, text, parent=cast)

    def _friendly(self, person: Person, cast: Cast) -> str:
        mood = share(self.world.seed, person.fid, cast.hash, "mood")
        kind = "questions" if mood < _QUESTIONS else "praise" if mood < _QUESTIONS + _PRAISE else "opinions"
        return self._line(person, cast, VOICES[kind])

    # Trending topics

    def _talk(self) -> None:
        """Post about trending topics in proportion to their levels, and plan the next step."""
        self._talks = bool(self._fans)
        if not self._talks:
            return
        now, seed = self.world.now(), self.world.seed
        for level, topic in trending(seed, now):
            wanted = level * _TALK * len(self._fans)
            for i in range(int(wanted + share(seed, "talk", topic.slug, now))):
                person = self._fans[number(seed, "speaker", topic.slug, now, i) % len(self._fans)]
                at = now + share(seed, "minute", topic.slug, now, i) * WAVE_SECONDS
                self._plan(at, partial(self._post, person, topic.name.lower(), topic.channel, level))
        self._plan(max(now + WAVE_SECONDS, self.world.timeline.clock() - _LONGEST_PAUSE), self._talk)

    def _post(self, person: Person, topic: str, channel: str, level: float) -> None:
        text = self._prose.line(f"audience {person.fid}", "wave", VOICES["wave_posts"], topic)
        cast = self._say(person, text, channel=channel)
        self._plan(cast.at + WAVE_SECONDS / 2, partial(self._applaud, cast, level))

    def _applaud(self, cast: Cast, level: float) -> None:
        luck = number(self.world.seed, cast.hash, "applause")
        crowd = len(self._fans)
        for i in range(int(level * _APPLAUSE * crowd * (luck % 2000 / 1000))):
            person = self._fans[(luck // 2000 + i) % crowd]
            if person.fid != cast.fid:
                self.world.react(cast, "like", person.fid)

    # Helpers

    def _say(
        self,
        person: Person,
        text: str,
        *,
        parent: Cast | None = None,
        channel: str | None = None,
        embeds: list[dict[str, Any]] | None = None,
    ) -> Cast:
        where = {"parent": parent.hash, "parent_author_fid": parent.fid} if parent else {"channel_id": channel}
        cast = self.world.commit(
            person.fid,
            text,
            mentions=self._publishing.mentions(text) if len(text) < LONG_CAST_BYTES else [],
            embeds=embeds or [],
            **self._publishing.place(where),
        )
        self.world.timeline.count("audience.casts")
        if self._does(person, cast, "regret", self._options["audience_deletes"]):
            self._plan(cast.at + self._delay(person, cast), partial(self._delete, cast))
        return cast

    def _delete(self, cast: Cast) -> None:
        if not cast.deleted:
            self.world.delete(cast)

    def _line(self, person: Person, cast: Cast, lines: tuple[str, ...]) -> str:
        return self._prose.line(f"audience {person.fid}", lines[0], lines, cast.text)

    def _name(self, fid: int) -> str:
        profile = self.world.profiles.get(fid, {})
        return str(profile.get("username") or username(fid))

    def _depth(self, cast: Cast) -> int:
        depth = 0
        while cast.parent_hash and (parent := self.world.casts.get(cast.parent_hash)):
            depth, cast = depth + 1, parent
        return depth

    def _does(self, person: Person, cast: Cast, what: str, chance: float) -> bool:
        return share(self.world.seed, person.fid, cast.hash, what) < chance

    def _delay(self, person: Person, cast: Cast) -> float:
        """Return a delay: most are short, a few are long."""
        luck = share(self.world.seed, person.fid, cast.hash, "delay")
        return float(self._options["audience_delay_seconds"]) * min(-log(1 - luck * 0.9999), 5.0)

    def _plan(self, at: float, deed: Callable[[], None]) -> None:
        heapq.heappush(self._deeds, (at, self._planned, deed))
        self._planned += 1
