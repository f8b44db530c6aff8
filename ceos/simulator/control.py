"""The simulator's own endpoints under /_sim/: its state and its configuration."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any

from ceos.simulator.neynar.publishing import cast_type
from ceos.simulator.wire import Handler, Refusal, Reply, Request, Routes, json_reply

if TYPE_CHECKING:
    from ceos.simulator.app import Simulation

_PAGE = 10_000


class Control:
    """Serves the current simulation, which a reset replaces."""

    def __init__(self, current: Callable[[], Simulation], reset: Callable[[], None]) -> None:
        self._current = current
        self._reset = reset

    def routes(self) -> Routes:
        """Every route; nothing here is ever slow or faulty."""
        table: dict[tuple[str, str], Handler] = {
            ("GET", "timeline"): self.timeline,
            ("GET", "casts"): self.casts,
            ("GET", "stats"): self.stats,
            ("GET", "faults"): self.faults,
            ("POST", "faults"): self.change_faults,
            ("POST", "signers"): self.signers,
            ("POST", "reset"): self.reset,
        }
        return {(method, f"/_sim/{path}"): self._up_to_date(handler) for (method, path), handler in table.items()}

    def _up_to_date(self, handler: Handler) -> Handler:
        def asked(request: Request) -> Reply:
            self._current().neynar.audience.catch_up()
            return handler(request)

        return asked

    def timeline(self, request: Request) -> Reply:
        """Events from `since` on."""
        events, following = self._current().timeline.since(
            _number(request, "since", 0), _number(request, "limit", _PAGE)
        )
        return json_reply({"events": events, "next": following})

    def casts(self, request: Request) -> Reply:
        """Every committed cast in commit order, deleted ones included."""
        simulation = self._current()
        since, limit = _number(request, "since", 0), _number(request, "limit", simulation.world.keep)
        chosen = islice((cast for cast in simulation.world.committed if cast.seq >= since), limit)
        casts = [
            simulation.neynar.shapes.cast(cast)
            | {"seq": cast.seq, "idem": cast.idem, "committed_at": cast.at, "deleted": cast.deleted}
            | {"cast_type": cast_type(cast.text)}
            for cast in chosen
        ]
        return json_reply({"casts": casts})

    def stats(self, _request: Request) -> Reply:
        """Counters by name."""
        return json_reply(dict(sorted(self._current().timeline.counts.items())))

    def faults(self, _request: Request) -> Reply:
        """Return the current configuration."""
        return json_reply(self._current().faults.view())

    def change_faults(self, request: Request) -> Reply:
        """Merge the body into the configuration."""
        simulation = self._current()
        try:
            simulation.faults.merge(_object(request))
        except ValueError as error:
            raise _refuse(str(error)) from None
        simulation.neynar.sync()
        return json_reply(simulation.faults.view())

    def signers(self, request: Request) -> Reply:
        """Add or change a signer."""
        body = _object(request)
        uuid, fid = body.get("signer_uuid"), body.get("fid")
        if not isinstance(uuid, str) or (fid is not None and not isinstance(fid, int)):
            raise _refuse("signers takes signer_uuid (a text), fid (a number) and status.")
        try:
            signer = self._current().neynar.set_signer(uuid, fid, str(body.get("status", "approved")))
        except ValueError as error:
            raise _refuse(str(error)) from None
        return json_reply({"signer_uuid": signer.uuid, "fid": signer.fid, "status": signer.status})

    def reset(self, _request: Request) -> Reply:
        """Start again with the configuration the simulator was created with."""
        self._reset()
        return json_reply({"ok": True})


def _object(request: Request) -> dict[str, Any]:
    try:
        body = request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _refuse("The body is not a JSON object.")
    return body


def _number(request: Request, name: str, default: int) -> int:
    text = request.param(name)
    if text and not text.isdecimal():
        raise _refuse(f"{name} is a number from 0 up, not {text!r}.")
    return int(text or default)


def _refuse(message: str) -> Refusal:
    return Refusal(json_reply({"error": message}, 400))
