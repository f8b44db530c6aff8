"""A strategy, hooks, a command and a skill, written against the documentation of version 0.1."""

from pathlib import Path

import click

import ceos

NOTES = []


class Tides(ceos.Strategy):
    """Posts about the first topic, and answers replies that ask back."""

    name = "tides"
    summary = "one post a slot, in text"

    def brief_post(self, agent, situation):
        topic = situation.random.choice(situation.topics)
        return ceos.Brief.text(topic, f"Write one post about {topic} for the first day of a week.")

    def brief_trend(self, agent, situation, trend):
        return ceos.Brief(
            kind=ceos.Kind.ORIGINAL,
            topic=trend.name,
            instructions="Say what a trend has to do with you.",
            sources=tuple(cast.hash for cast in trend.casts[:3]),
        )

    def brief_event(self, agent, situation, event):
        return ceos.Brief(kind=ceos.Kind.ORIGINAL, topic="a new agent", instructions="Welcome it.")

    def decide(self, agent: ceos.Agent, mention: ceos.Mention, talk: ceos.Talk) -> ceos.Decision:
        own = [one for one in talk.casts if isinstance(one, ceos.Said) and one.is_own]
        if own and mention.kind == "reply" and "?" in mention.text:
            return ceos.Decision(action="answer", reason="somebody asks back")
        return ceos.Decision(action="ignore", reason="nobody asks back")


@ceos.hookimpl
def register_strategies(register):
    register(Tides())


@ceos.hookimpl
def register_skills(register):
    register(Path(__file__).parent / "skills")


@ceos.hookimpl
def review_draft(draft):
    if "guarantee" in draft.text.lower():
        return "The post guarantees something; say what is likely instead."
    return None


@ceos.hookimpl
def draft_created(agent, draft):
    NOTES.append(("draft", agent.id, draft.kind))


@ceos.hookimpl
def cast_published(agent, cast):
    NOTES.append(("cast", agent.id, cast.hash))


@ceos.hookimpl
def agent_state_changed(agent, old, new, reason):
    if new in (ceos.AgentState.ERROR, ceos.AgentState.PAUSED):
        NOTES.append((new, agent.id, reason))


@click.command()
def tides():
    """Print what the plugin has noted."""
    click.echo(len(NOTES))


@ceos.hookimpl
def register_commands(register):
    register(tides)


def is_taken_over(error):
    """Tell whether another worker went on with a run."""
    return isinstance(error, ceos.Fenced)
