"""The contracts of `chain.toml`, and the well-known ones of Base."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ceos.chain.config.models import ChainConfig, ContractEntry
from ceos.errors import InvalidInput, NotFound
from ceos.evm.abi import Abi, Event
from ceos.evm.types import BASE, BASE_SEPOLIA, checksummed

#: The bundled ABIs, by their names in `chain.toml`.
BUNDLED = ("erc20", "identity", "reputation", "multicall3")

#: Contracts that need no entry: chain id → name → (address, ABI, decimals).
BUILT_IN: Mapping[int, Mapping[str, tuple[str, str, int | None]]] = {
    BASE: {
        "identity": ("0x8004A169FB4a3325136EB29fA0ceB6D2e539a432", "identity", None),
        "reputation": ("0x8004BAa17C55a88189AE136b182e5fdA19dE9b63", "reputation", None),
        "usdc": ("0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "erc20", 6),
        "multicall3": ("0xcA11bde05977b3631167028862bE2a173976CA11", "multicall3", None),
    },
    BASE_SEPOLIA: {
        "identity": ("0x8004A818BFB912233c491871b3d84c89A494BD9e", "identity", None),
        "reputation": ("0x8004B663056A597Dffe9eCcC1965A193B7388713", "reputation", None),
        "usdc": ("0x036CbD53842c5426634e7929541eC2318f3dCF7e", "erc20", 6),
        "multicall3": ("0xcA11bde05977b3631167028862bE2a173976CA11", "multicall3", None),
    },
}


@dataclass(frozen=True)
class Contract:
    """A contract with its known facts."""

    #: Its name in `chain.toml` or the built-in one; its address if it has none.
    name: str
    address: str
    #: None if only the address is known.
    abi: Abi | None = field(default=None, repr=False)
    #: The digits after the point of a token; None if they are unknown or it is not a token.
    decimals: int | None = None

    def event(self, text: str) -> Event:
        """Return an event by its name or signature; raises `InvalidInput`. Without an ABI, `text` describes it."""
        written = text.removeprefix("event ")
        return (self.abi or Abi.parse([f"event {written}"])).event(written)


class Contracts:
    """Finds contracts by name or address; an entry of `chain.toml` overrides a built-in one."""

    def __init__(self, config: ChainConfig, chain_id: int, folder: Path) -> None:
        self._entries = {entry.name: entry for entry in config.contract}
        self._built_in = BUILT_IN.get(chain_id, {})
        self._chain_id = chain_id
        self._folder = folder
        self._found: dict[str, Contract] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that `find` knows."""
        return tuple(dict.fromkeys((*self._entries, *self._built_in)))

    def find(self, name_or_address: str) -> Contract:
        """Return a contract; raises `NotFound` for an unknown name, `InvalidInput` for a broken address or ABI."""
        if name_or_address.lower().startswith("0x"):
            return self._at(name_or_address)
        if name_or_address not in self._found:
            self._found[name_or_address] = self._named(name_or_address)
        return self._found[name_or_address]

    def _at(self, address: str) -> Contract:
        try:
            spelled = checksummed(address)
        except ValueError as error:
            raise InvalidInput(f"{address[:60]!r} is not a contract's address; it should be {error}.") from None
        own = (entry.name for entry in self._entries.values() if entry.address == spelled)
        ours = (name for name, (at, _, _) in self._built_in.items() if at == spelled and name not in self._entries)
        name = next(own, None) or next(ours, None)
        return self.find(name) if name else Contract(spelled, spelled)

    def _named(self, name: str) -> Contract:
        if entry := self._entries.get(name):
            return Contract(name, entry.address, read_abi(entry, self._folder), entry.decimals)
        if name in self._built_in:
            address, abi, decimals = self._built_in[name]
            return Contract(name, address, Abi.named(abi), decimals)
        known = ", ".join(self.names) or "none"
        raise NotFound(
            f"No contract named {name[:60]!r} on chain {self._chain_id}. Known: {known}. "
            "Add a [[contract]] to chain.toml, or use its address."
        )


def read_abi(entry: ContractEntry, folder: Path) -> Abi:
    """Return the ABI that an entry names or contains; raises `InvalidInput`."""
    if isinstance(entry.abi, tuple):
        return Abi.parse(entry.abi)
    if entry.abi in BUNDLED:
        return Abi.named(entry.abi)
    path = folder / entry.abi
    try:
        return Abi.parse(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        known = ", ".join(BUNDLED)
        raise InvalidInput(f"there is no file {path}; name a JSON file beside chain.toml, or one of {known}.") from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror or type(error).__name__}.") from None
    except (ValueError, RecursionError):
        raise InvalidInput(f"{path} is not JSON; the file must hold the ABI as the compiler writes it.") from None
