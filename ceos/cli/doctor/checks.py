"""The checks of `ceos doctor`: functions that yield findings; `CHECKS` lists them in the order they are made."""

from __future__ import annotations

import datetime as dt
import logging
import random
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ceos.cli.doctor.chain import chain
from ceos.cli.doctor.disclosure import disclosure
from ceos.cli.doctor.findings import Check, Examination, Finding, Status
from ceos.cli.doctor.skills import sandbox, skills
from ceos.cli.doctor.web import webhooks
from ceos.cli.output import number
from ceos.clients.neynar.types import Signer
from ceos.domain.agent import Agent
from ceos.domain.lifecycle import AgentState
from ceos.domain.posts import Situation
from ceos.errors import KeyRefused, PluginError, RequestRefused, ServiceError
from ceos.logs import event
from ceos.operations.models import model_notices
from ceos.runs.ids import RunId
from ceos.settings import Settings
from ceos.storage.addresses import database_of
from ceos.storage.connection import connect, redis_errors
from ceos.strategy import Strategy

if TYPE_CHECKING:
    import redis

log = logging.getLogger(__name__)

#: How far this machine's clock may be from Redis's, in seconds: slots go by the one, leases by the other.
SKEW_WARNING, SKEW_FAILED = 2.0, 10.0
#: How many slots a strategy is asked about to learn whether it makes pictures; a share of 3% shows with 99.8%.
SAMPLED_SLOTS = 200
#: A key that ends within so many days is worth a warning.
EXPIRY_DAYS = 7

_DEMO = "put the key into the environment or into .env; 'ceos demo' needs none"
_NAME_ANOTHER = "Name another one in the agents' files; https://openrouter.ai/models lists them."
_LATER = "Try again; if it stays so, check the network and {}."


def check_settings(problems: Mapping[str, str]) -> Iterator[Finding]:
    for name, problem in problems.items():
        fix = f"Correct {name} in the environment or in .env; until then its default counts here."
        yield Finding("settings", Status.FAILED, problem, fix)
    if not problems:
        yield Finding("settings", Status.OK, "All variables are valid.")


# The servers


def _redis(examination: Examination) -> Iterator[Finding]:
    runtime = examination.runtime
    with redis_errors():
        about = _info(runtime.database.client, "server")
    name = about.get("server_name", "redis").capitalize()
    name += f" {about.get('valkey_version') or about.get('redis_version', '')}".rstrip()
    examination.agents = [runtime.agents.agent(agent_id) for agent_id in runtime.agents.agent_ids()]
    if runtime.settings.redis_url:
        yield Finding("redis", Status.OK, f"{name} answers at {_place(runtime.redis_url)}.")
    else:
        folder = runtime.settings.home_folder() / "valkey"
        yield Finding("redis", Status.OK, f"The embedded server answers ({name}); its data is in {folder}.")
    yield from _persistence(runtime.database.client, "redis")


def _broker(examination: Examination) -> Iterator[Finding]:
    runtime = examination.runtime
    data, messages = database_of(runtime.redis_url), database_of(runtime.broker_url)
    if data == messages:
        yield Finding(
            "broker",
            Status.FAILED,
            "The broker shares a logical database with the data, where its maintenance would block everything.",
            "Set CEOS_BROKER_URL to another database of the same server, such as one ending in /1.",
        )
        return
    client = connect(runtime.broker_url)
    with redis_errors():
        client.ping()
    yield Finding("broker", Status.OK, f"The messages have a database of their own, {_place(runtime.broker_url)}.")
    if data[:2] != messages[:2]:
        yield from _persistence(client, "broker")


def _persistence(client: redis.Redis, whose: str) -> Iterator[Finding]:
    """Check that a server persists its data and evicts nothing."""
    with redis_errors():
        persistence, memory = _info(client, "persistence"), _info(client, "memory")
    is_on = bool(persistence.get("aof_enabled"))
    found, fix = "The append-only file is on.", ""
    if not is_on:
        found = "There is no append-only file, so a restart would lose posts."
        fix = "Set 'appendonly yes' in the configuration of Redis, or run CONFIG SET appendonly yes."
    yield Finding(f"{whose} append-only", Status.OK if is_on else Status.FAILED, found, fix)
    if is_on and persistence.get("aof_last_write_status", "ok") != "ok":
        found = "Redis could not write to its append-only file and refuses changes."
        yield Finding(f"{whose} disk", Status.FAILED, found, "Free space on its disk.")
    policy = memory.get("maxmemory_policy", "noeviction")
    found, fix = "Redis evicts nothing when its memory is full (noeviction).", ""
    if policy != "noeviction":
        found = f"Redis may evict records when its memory is full (maxmemory-policy {policy})."
        fix = "Set 'maxmemory-policy noeviction' in its configuration, or run CONFIG SET maxmemory-policy noeviction."
    yield Finding(f"{whose} eviction", Status.OK if policy == "noeviction" else Status.FAILED, found, fix)


def _workers(examination: Examination) -> Iterator[Finding]:
    count = examination.runtime.ops.counts()["workers"]
    if count:
        yield Finding("workers", Status.OK, f"{number(count, 'worker process', 'worker processes')} at work.")
    else:
        yield Finding(
            "workers", Status.WARNING, "No worker is running, so nothing is posted.", "'ceos up' starts some."
        )


def _panic(examination: Examination) -> Iterator[Finding]:
    reason = examination.runtime.ops.panic_reason()
    if reason is None:
        yield Finding("panic", Status.OK, "Publishing is not stopped.")
    else:
        yield Finding("panic", Status.WARNING, f"All publishing is stopped: {reason}.", "'ceos unpanic' lets it go on.")


def _clock(examination: Examination) -> Iterator[Finding]:
    before = examination.now()
    with redis_errors():
        answer: Any = examination.runtime.database.client.time()
    middle = (before + examination.now()) / 2
    skew = abs(answer[0] + answer[1] / 1e6 - middle)
    if skew <= SKEW_WARNING:
        yield Finding("clock", Status.OK, "This machine and Redis agree on the time.")
    else:
        status = Status.FAILED if skew > SKEW_FAILED else Status.WARNING
        found = f"The clocks of this machine and of Redis are {skew:.1f} s apart."
        yield Finding("clock", status, found, "Let both machines set their clocks by NTP.")
    if examination.settings.clock_speed != 1:
        found = f"The schedules run {examination.settings.clock_speed:g} times as fast as life."
        yield Finding("clock speed", Status.WARNING, found, "Unset CEOS_CLOCK_SPEED unless this is a demonstration.")


# Plugins and agents


def _plugins(examination: Examination) -> Iterator[Finding]:
    try:
        plugins = examination.runtime.plugins
    except PluginError as error:
        for line in str(error).splitlines():
            yield Finding("plugins", Status.FAILED, line, "Update, fix or remove that plugin.")
        return
    examination.strategies = dict(plugins.strategies)
    brought = f"{number(len(plugins.strategies), 'strategy', 'strategies')} and {number(len(plugins.skills), 'skill')}"
    yield Finding("plugins", Status.OK, f"{number(len(plugins.describe()), 'plugin')} with {brought}.")


def _agents(examination: Examination) -> Iterator[Finding]:
    agents = examination.agents or []
    if not agents:
        yield Finding("agents", Status.INFO, "There are no agents yet.", "'ceos agent apply FILE' makes one.")
        return
    sound = True
    for agent, state in zip(agents, examination.runtime.agents.agent_statuses([one.id for one in agents]), strict=True):
        if examination.strategies and agent.strategy not in examination.strategies:
            sound = False
            found = f"Agent {agent.id!r} uses the strategy {agent.strategy!r}, which no plugin brings."
            fix = f"Install its plugin, or choose one of {', '.join(sorted(examination.strategies))}."
            yield Finding(f"agent {agent.id}", Status.FAILED, found, fix)
        if state.state is AgentState.ERROR:
            sound = False
            found = f"Agent {agent.id!r} has stopped: {state.reason.rstrip('.') or 'three cycles in a row failed'}."
            fix = f"Fix the cause, then 'ceos agent resume {agent.id}' lets it go on."
            yield Finding(f"agent {agent.id}", Status.WARNING, found, fix)
    if sound:
        yield Finding("agents", Status.OK, f"{number(len(agents), 'agent')}, none in error.")


# The services


def _openrouter_key(examination: Examination) -> Iterator[Finding]:
    settings, name = examination.settings, "openrouter key"
    if settings.openrouter_api_key is None:
        yield Finding(name, Status.FAILED, "OPENROUTER_API_KEY is not set, so nothing can be written.", _DEMO_SENTENCE)
        return
    try:
        info = examination.runtime.openrouter.key_info()
    except ServiceError as error:
        yield _refusal(name, error, "OPENROUTER_API_KEY", "OPENROUTER_BASE_URL")
        return
    found = f"OpenRouter accepts the key{_elsewhere(settings, 'openrouter_base_url')}"
    top_up = "Raise the key's limit or add credits at https://openrouter.ai/settings."
    if info.expires_at and info.expires_at.timestamp() - examination.now() < EXPIRY_DAYS * 86_400:
        fix = "Make a new key and put it into OPENROUTER_API_KEY."
        yield Finding(name, Status.WARNING, f"{found}, but it ends on {info.expires_at:%Y-%m-%d}.", fix)
    if info.remaining_usd is None:
        yield Finding(name, Status.OK, f"{found}, which has no limit of its own.")
    elif info.remaining_usd <= 0:
        yield Finding(name, Status.FAILED, f"{found}, but nothing of its limit is left.", top_up)
    else:
        yield Finding(name, Status.OK, f"{found}; {info.remaining_usd:.2f} USD of its limit are left.")


def _models(examination: Examination) -> Iterator[Finding]:
    agents = examination.agents or []
    if examination.settings.openrouter_api_key is None:
        found, fix = "Not checked, because OPENROUTER_API_KEY is not set.", "Set it first."
        yield Finding("models", Status.WARNING, found, fix)
        return
    runtime = examination.runtime
    names = {name for agent in agents for name in (*agent.models.writers, agent.output.judge)} - {"off"}
    if not names:
        yield Finding("models", Status.OK, "None is used yet.")
        return
    # Read anew, so that workers and this report use the same catalogue.
    runtime.model_catalogue.refresh()
    notices = model_notices(runtime, agents)
    for notice in notices:
        later = [
            *(f"{one} (as a fallback)" for one in notice.fallbacks),
            *(f"{one} (as judge)" for one in notice.judged),
        ]
        found = f"{notice.sentence} It is used by {', '.join([*notice.writers, *later])}."
        model = notice.resolved
        is_lost = bool(notice.writers or notice.judged) and not model.is_listed and model.used in (None, model.named)
        yield Finding("models", Status.FAILED if is_lost else Status.WARNING, found, _NAME_ANOTHER)
    if not notices:
        yield Finding("models", Status.OK, f"OpenRouter has all {number(len(names), 'model')} that the agents use.")


def _fal_key(examination: Examination) -> Iterator[Finding]:
    users = [agent.id for agent in examination.agents or [] if _makes_pictures(agent, examination.strategies)]
    if examination.settings.fal_key is not None:
        found = "FAL_KEY is set; whether fal.ai accepts it shows only in a picture, which costs money."
        yield Finding("fal key", Status.OK, found)
    elif users:
        found = f"FAL_KEY is not set, so these agents post without pictures: {', '.join(users)}."
        yield Finding("fal key", Status.WARNING, found, _DEMO_SENTENCE)
    else:
        found = "FAL_KEY is not set; no agent that is known here makes pictures."
        yield Finding("fal key", Status.INFO, found, f"For pictures, {_DEMO}.")


def _makes_pictures(agent: Agent, strategies: dict[str, Strategy]) -> bool:
    """Ask the agent's strategy about many slots and say whether it wants a picture for any of them."""
    strategy = strategies.get(agent.strategy)
    now = dt.datetime.now(dt.UTC)
    try:
        for index in range(SAMPLED_SLOTS if strategy else 0):
            chance = random.Random(index)  # noqa: S311  # not for secrets
            situation = Situation(
                slot=RunId.manual(agent.id, str(index)).slot, now=now, topics=agent.persona.topics, random=chance
            )
            brief = strategy.brief_post(agent, situation) if strategy else None
            if brief is not None and brief.wants_media:
                return True
    except Exception:
        # Code we did not write; its failure is not what this check is about.
        log.warning("A strategy failed", exc_info=True, extra=event("strategy.failed", strategy=agent.strategy))
    return False


def _neynar_key(examination: Examination) -> Iterator[Finding]:
    if examination.settings.neynar_api_key is None:
        found = "NEYNAR_API_KEY is not set, so nothing can be published."
        yield Finding("neynar key", Status.FAILED, found, _DEMO_SENTENCE)
        return
    try:
        examination.neynar.check_key()
    except ServiceError as error:
        yield _refusal("neynar key", error, "NEYNAR_API_KEY", "NEYNAR_BASE_URL")
        return
    examination.neynar_accepts = True
    found = f"Neynar accepts the key{_elsewhere(examination.settings, 'neynar_base_url')}."
    yield Finding("neynar key", Status.OK, found)


def _signers(examination: Examination) -> Iterator[Finding]:
    for agent in examination.agents or []:
        yield _signer(examination, agent)


def _signer(examination: Examination, agent: Agent) -> Finding:
    name = f"signer of {agent.id}"
    source = agent.signer_uuid_env or "signer_uuid in the agent's file"
    try:
        signer_uuid = examination.runtime.signer(agent)
    except KeyRefused:
        fix = f"Put the signer's id into {source}, in the environment of the workers or in .env."
        return Finding(name, Status.FAILED, f"{source} is not set, so {agent.id!r} cannot publish.", fix)
    if not examination.neynar_accepts:
        found = "The signer is set; it was not looked up, because Neynar did not accept the key."
        return Finding(name, Status.WARNING, found, "Fix the key first.")
    try:
        signer = examination.neynar.signer(signer_uuid)
    except RequestRefused as error:
        fix = f"Correct {source}; the signer must have been made with this NEYNAR_API_KEY."
        return Finding(name, Status.FAILED, f"Neynar does not give out the signer of {agent.id!r}: {error}", fix)
    except ServiceError as error:
        return _refusal(name, error, source, "NEYNAR_BASE_URL")
    return _compared(name, agent, signer, source)


def _compared(name: str, agent: Agent, signer: Signer, source: str) -> Finding:
    """Return the finding for a signer that Neynar knows."""
    if not signer.is_approved:
        found = f"The signer of {agent.id!r} is not approved; its status is {signer.status!r}."
        fix = f"Let the owner of fid {agent.fid} approve it, or put an approved one into {source}."
        return Finding(name, Status.FAILED, found, fix)
    if signer.fid != agent.fid:
        found = f"The signer belongs to fid {signer.fid}, but agent {agent.id!r} has fid {agent.fid}."
        fix = f"Correct the fid in the agent's file, or put a signer of fid {agent.fid} into {source}."
        return Finding(name, Status.FAILED, found, fix)
    return Finding(name, Status.OK, f"Approved, and it belongs to fid {agent.fid} as {agent.id!r} does.")


#: The checks after that of the settings, in the order they are made and shown.
CHECKS = (
    Check("redis", _redis, ("CEOS_REDIS_URL", "CEOS_HOME"), needs_redis=False),
    Check("broker", _broker, ("CEOS_BROKER_URL",)),
    Check("workers", _workers),
    Check("panic", _panic),
    Check("clock", _clock),
    Check("plugins", _plugins, needs_redis=False),
    Check("agents", _agents),
    Check("sandbox", sandbox, ("CEOS_SANDBOX",), needs_redis=False),
    Check("skills", skills),
    Check("openrouter key", _openrouter_key, ("OPENROUTER_BASE_URL",), needs_redis=False),
    Check("models", _models, ("OPENROUTER_BASE_URL",)),
    Check("fal key", _fal_key, needs_redis=False),
    Check("neynar key", _neynar_key, ("NEYNAR_BASE_URL",), needs_redis=False),
    Check("signers", _signers, ("NEYNAR_BASE_URL",)),
    Check("disclosure", disclosure, ("NEYNAR_BASE_URL",)),
    Check("webhooks", webhooks, ("CEOS_WEB_PORT",), needs_redis=False),
    Check("chain", chain, ("BASE_RPC_URL", "BASE_CHAIN_ID", "CEOS_HOME")),
)

_DEMO_SENTENCE = _DEMO[0].upper() + _DEMO[1:] + "."


def _refusal(check: str, error: ServiceError, key: str, address: str) -> Finding:
    """Return the finding for a key that could not be proven."""
    is_refused = isinstance(error, RequestRefused)
    fix = f"Correct {key}; 'ceos demo' needs no key." if is_refused else _LATER.format(address)
    return Finding(check, Status.FAILED, str(error), fix)


def _elsewhere(settings: Settings, name: str) -> str:
    """Return the address of the server that answered, unless it is the default."""
    url = str(getattr(settings, name))
    return "" if url == Settings.model_fields[name].default else f" ({_place(url)})"


def _place(url: str) -> str:
    """Return an address without user, password and options."""
    parts = urlsplit(url)
    if parts.scheme in ("http", "https"):
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    host, port, database = database_of(url)
    return f"{parts.scheme}://{host}{':' if port else ''}{port}, database {database}"


def _info(client: redis.Redis, section: str) -> dict[str, Any]:
    answer: Any = client.info(section)
    return dict(answer)
