"""`ceos chain register|metadata|reputation|feedback|anchor|verify`: the ERC-8004 registries."""

from __future__ import annotations

import re
import sys
from decimal import Decimal, InvalidOperation
from typing import IO, TYPE_CHECKING, Any

import click

from ceos.chain.erc8004.canonical_json import Difference, read
from ceos.chain.tx.types import Tx, TxStatus
from ceos.cli.chain.show import preview_document, print_preview
from ceos.cli.chain.signing import SigningOptions, signing_options
from ceos.cli.output import command_runtime, json_option, number, say_line, show_json, when
from ceos.errors import InvalidInput
from ceos.evm.types import checksummed

if TYPE_CHECKING:
    from ceos.chain.erc8004.anchoring import AnchorVerification
    from ceos.chain.erc8004.store import Registration
    from ceos.chain.tx.types import TxRequest
    from ceos.chain.wiring import Chain

#: The maximum size of a document; one of a thousand posts has a sixth of that.
MAX_DOCUMENT_BYTES = 2**20


@click.command()
@click.argument("agent_id", metavar="AGENT")
@click.option("--adopt", type=click.IntRange(0), metavar="NUMBER", help="Use an existing entry with this number.")
@click.option("--another", is_flag=True, help="Register it although its account has an entry unknown to ceos.")
@click.option("--update-url", is_flag=True, help="Update the address of its file after a change of CEOS_PUBLIC_URL.")
@signing_options
def register(*, agent_id: str, adopt: int | None, another: bool, update_url: bool, options: SigningOptions) -> None:
    """Register AGENT in the identity registry once; a repetition shows the existing entry.

    The entry refers to a file that 'ceos web' serves under CEOS_PUBLIC_URL, with the agent's name, bio and Farcaster
    account. The number of an entry may be 0.
    """
    chain = command_runtime().chain
    if adopt is not None:
        if options.dry_run:
            raise click.UsageError("--adopt signs nothing; leave --dry-run out.")
        return _show_registration(chain, chain.identity.adopt(agent_id, adopt), options)
    if update_url:
        return _update_url(chain, agent_id, options)
    if options.dry_run:
        known = chain.identity.refresh_registration(agent_id)
        if known is not None and known.token_id is not None:
            return _show_registration(chain, known, options)
        if not another:
            chain.identity.check_unknown(agent_id)
        return _preview(chain, chain.identity.registration_request(agent_id), options)
    known = chain.identity.register(agent_id, another=another)
    if known.tx and not known.is_final:
        chain.sender.wait(known.tx, options.seconds)
        known = chain.identity.refresh_registration(agent_id) or known
    return _show_registration(chain, known, options)


@click.command()
@click.argument("agent_id", metavar="AGENT")
@click.argument("key")
@click.argument("value", required=False)
@signing_options
def metadata(*, agent_id: str, key: str, value: str | None, options: SigningOptions) -> None:
    """Show the value of KEY of AGENT in the identity registry, or set it to VALUE: text, or 0x and hex."""
    chain = command_runtime().chain
    if value is None:
        found = chain.identity.metadata(chain.identity.status(agent_id).token_id, key)
        if options.as_json:
            return show_json({"agent": agent_id, "key": key, "hex": f"0x{found.hex()}", "text": _text(found)})
        return say_line(_text(found) or f"0x{found.hex()}")
    data = bytes.fromhex(value[2:]) if re.fullmatch(r"0x([0-9a-fA-F]{2})*", value) else value.encode()
    if options.dry_run:
        return _preview(chain, chain.identity.metadata_request(agent_id, key, data), options)
    return _report(chain, chain.identity.set_metadata(agent_id, key, data), options)


@click.command()
@click.argument("whose", metavar="AGENT|NUMBER")
@click.option("--client", "clients", multiple=True, help="Count only feedback of this account; may be repeated.")
@click.option(
    "--tag", "tags", multiple=True, help="Count only feedback with this tag; a second option is the second tag."
)
@json_option
def reputation(*, whose: str, clients: tuple[str, ...], tags: tuple[str, ...], as_json: bool) -> None:
    """Show the feedback of others on an AGENT of this installation, or on any NUMBER in the registry.

    Feedback from unknown accounts can be forged: name the accounts you trust with --client.
    """
    chain = command_runtime().chain
    token_id, (tag1, tag2) = _number(chain, whose), _two(tags)
    found = chain.identity.reputation.summary(token_id, _accounts(clients) or None, tag1=tag1, tag2=tag2)
    if as_json:
        value = None if found.value is None else str(found.value)
        return show_json({"number": token_id, "count": found.count, "value": value, "clients": list(found.clients)})
    if not found.count:
        return click.echo(f"There is no feedback on number {token_id}.")
    by = number(len(found.clients), "account")
    return click.echo(f"Number {token_id}: {found.value} on average, {number(found.count, 'time')}, by {by}.")


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("token_id", metavar="NUMBER", type=click.IntRange(0))
@click.argument("value")
@click.option(
    "--from", "from_agent", default="", metavar="AGENT", help="The agent that gives it; by default the operator."
)
@click.option("--tag", "tags", multiple=True, help="A tag such as starred (0 to 100) or uptime; at most two.")
@click.option("--endpoint", default="", help="The endpoint of the agent that it rates.")
@click.option("--key", default="", help="Another key gives the same feedback again.")
@signing_options
def feedback(
    *,
    token_id: int,
    value: str,
    from_agent: str,
    tags: tuple[str, ...],
    endpoint: str,
    key: str,
    options: SigningOptions,
) -> None:
    """Give feedback of VALUE, such as 87 or 99.5, on agent NUMBER in the reputation registry; a repeat is ignored."""
    runtime = command_runtime()
    if from_agent:
        runtime.agents.agent(from_agent)
    chain, (tag1, tag2) = runtime.chain, _two(tags)
    reputation = chain.identity.reputation
    request = reputation.feedback_request(
        from_agent, token_id, _decimal(value), tag1=tag1, tag2=tag2, endpoint=endpoint
    )
    if options.dry_run:
        return _preview(chain, request, options)
    return _report(chain, reputation.give_feedback(request, key=key), options)


@click.command()
@click.argument("epoch")
@click.argument("agent_id", metavar="AGENT")
@signing_options
def anchor(*, epoch: str, agent_id: str, options: SigningOptions) -> None:
    """Write the hash of AGENT's score of a week (such as 2026-W47) on chain; an existing hash is never replaced.

    Workers do this automatically for the agents in 'anchor' of chain.toml.
    """
    chain = command_runtime().chain
    if options.dry_run:
        return _preview(chain, chain.anchors.anchor_request(agent_id, epoch), options)
    return _report(chain, chain.anchors.anchor(agent_id, epoch), options)


@click.command()
@click.argument("epoch")
@click.argument("agent_id", metavar="AGENT")
@click.option("--file", "file", type=click.File("rb"), help="The document to check; - is standard input.")
@click.option("--number", "token_id", type=click.IntRange(0), help="The number of the agent that it must belong to.")
@click.option("--history", is_flag=True, help="Search the chain for every time it was written; slow.")
@json_option
def verify(
    *, epoch: str, agent_id: str, file: IO[bytes] | None, token_id: int | None, history: bool, as_json: bool
) -> None:
    """Check AGENT's score of a week: recompute it from its inputs and compare it with the hash on chain.

    To check an agent of another installation, use the document that its web app serves:

    \b
    curl https://agents.example/agents/ada/scores/2026-W47.json | ceos chain verify 2026-W47 ada --number 22 --file -

    Exit code 1 if anything differs; each difference is one line.
    """
    chain = command_runtime().chain
    found = chain.anchors.verify(
        agent_id, epoch, _document(file) if file else None, number=token_id, with_history=history
    )
    if as_json:
        show_json(_verification(found))
    elif found.ok:
        click.echo(f"{epoch} of {agent_id} matches the hash anchored for number {found.number} in {found.registry}.")
        click.echo(f"SHA-256 {found.hash}")
        for one in found.written:
            click.echo(f"Written on {when(one.at)} UTC in block {one.block}, {one.tx_hash}")
    else:
        click.echo(
            f"{epoch} of {agent_id} (number {found.number} in {found.registry}) does not match the anchored hash:"
        )
        for problem in found.problems:
            say_line(f"  {problem}")
    if not found.ok:
        sys.exit(1)


# Shared helpers


def _preview(chain: Chain, request: TxRequest, options: SigningOptions) -> None:
    preview = chain.sender.preview(request)
    return show_json(preview_document(preview)) if options.as_json else print_preview(chain, preview)


def _report(chain: Chain, tx: Tx | None, options: SigningOptions) -> None:
    """Process a transaction for a while and print its state; None means that none was needed."""
    if tx is None:
        return show_json(None) if options.as_json else click.echo("It is on chain already; there was nothing to do.")
    tx = chain.sender.wait(tx.id, options.seconds)
    if options.as_json:
        show_json(tx.model_dump(mode="json"))
    else:
        say_line(_progress(tx))
    if tx.status.is_over and tx.status is not TxStatus.FINAL:
        sys.exit(1)
    return None


def _progress(tx: Tx) -> str:
    if tx.status is TxStatus.REVIEW:
        return f"{tx.id} waits for approval ({tx.reason}): 'ceos draft approve {tx.id}' sends it."
    if tx.status is TxStatus.FINAL:
        return f"{tx.id} is done: {tx.hash} in block {tx.block}."
    if tx.status is TxStatus.MINED:
        return f"{tx.id} is mined: {tx.hash} in block {tx.block}; it is final some blocks later."
    why = f": {tx.reason}" if tx.reason else ""
    return f"{tx.id} is {tx.status}{why}" + ("." if tx.status.is_over else "; it continues while workers run.")


def _show_registration(chain: Chain, known: Registration, options: SigningOptions) -> None:
    tx = chain.identity.registries.find_tx(known.tx) if known.tx and not known.is_final else None
    is_over = tx is not None and tx.status.is_over and tx.status is not TxStatus.FINAL
    if options.as_json:
        document = {
            **known.model_dump(mode="json"),
            "status": "final" if known.is_final else str(tx.status) if tx else "",
        }
        show_json(document)
    else:
        if known.token_id is not None:
            click.echo(f"{known.agent} is number {known.token_id} in {known.registry_name}, owned by {known.account}.")
            say_line(f"Its entry refers to {known.uri}")
        if tx is not None:
            say_line(_progress(tx))
    if is_over:
        sys.exit(1)


def _update_url(chain: Chain, agent_id: str, options: SigningOptions) -> None:
    if options.dry_run:
        return _preview(chain, chain.identity.uri_request(agent_id), options)
    return _report(chain, chain.identity.set_uri(agent_id), options)


def _number(chain: Chain, whose: str) -> int:
    """Return a number in the registry from digits or from the id of an agent."""
    if whose.isascii() and whose.isdecimal() and len(whose) <= 78:
        return int(whose)
    return chain.identity.status(whose).token_id


def _accounts(clients: tuple[str, ...]) -> list[str]:
    try:
        return [checksummed(one) for one in clients]
    except ValueError as error:
        raise InvalidInput(f"--client is {error}.") from None


def _two(tags: tuple[str, ...]) -> tuple[str, str]:
    if len(tags) > 2:
        raise click.UsageError("There are at most two tags.")
    return (tags[0] if tags else "", tags[1] if len(tags) > 1 else "")


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise InvalidInput(f"The value must be a number such as 87 or 99.5; got {text[:40]!r}.") from None


def _document(file: IO[bytes]) -> dict[str, Any]:
    text = file.read(MAX_DOCUMENT_BYTES + 1)
    if len(text) > MAX_DOCUMENT_BYTES:
        raise InvalidInput(f"The document is longer than {MAX_DOCUMENT_BYTES:,} bytes, so it is not a score.")
    found = read(text)
    if not isinstance(found, dict):
        raise InvalidInput("This is not the document of a score: it is not a JSON object.")
    return found


def _text(found: bytes) -> str | None:
    try:
        text = found.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def _verification(found: AnchorVerification) -> dict[str, Any]:
    return {
        "ok": found.ok,
        "agent": found.agent,
        "epoch": found.epoch,
        "registry": found.registry,
        "number": found.number,
        "hash": found.hash,
        "on_chain": found.on_chain or None,
        "problems": list(found.problems),
        "written": [
            {"hash": f"0x{one.value.hex()}", "block": one.block, "at": one.at, "tx": one.tx_hash}
            for one in found.written
        ],
        "differences": {
            "recomputed": _differences(found.recomputed),
            "file": _differences(found.in_file),
            "stored": _differences(found.stored),
        },
    }


def _differences(found: tuple[Difference, ...]) -> list[dict[str, Any]]:
    return [one.document for one in found]
