"""What a transaction takes: gas, fees, and how much more its replacement must pay; pure."""

from __future__ import annotations

from dataclasses import dataclass

from ceos.evm.types import Fees

#: A replacement must pay this many thousandths for a node to take it: an eighth more, where a tenth is the usual rule.
BUMP = 1125


@dataclass(frozen=True)
class Quote:
    """What one transaction takes."""

    gas: int
    fees: Fees
    #: What its data costs on L1, in wei, with a reserve.
    l1_fee: int
    #: What the call returned when it was simulated, as hex.
    returned: str = "0x"

    @property
    def worst_fee(self) -> int:
        """The most that its fees may come to, in wei."""
        return self.gas * self.fees.max_fee + self.l1_fee

    def bumped(self, old: Quote) -> Quote:
        """Return this quote with fees that let it take the place of `old`."""
        priority = max(self.fees.priority, _bump(old.fees.priority))
        max_fee = max(self.fees.max_fee, _bump(old.fees.max_fee), priority)
        fees = Fees(base_fee=self.fees.base_fee, priority=priority, max_fee=max_fee)
        return Quote(self.gas, fees, max(self.l1_fee, old.l1_fee), self.returned)


def _bump(fee: int) -> int:
    return (fee * BUMP + 999) // 1000
