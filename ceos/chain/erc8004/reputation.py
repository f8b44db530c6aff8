"""Feedback on agents in the reputation registry of ERC-8004, and scores of creators in another contract."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

from ceos.chain.config.models import CreatorScore
from ceos.chain.erc8004.registries import IDENTITY, REPUTATION, Registries
from ceos.chain.tx.types import Tx, TxRequest
from ceos.errors import InvalidInput

if TYPE_CHECKING:
    from ceos.chain.tx.wallets import Wallets

#: The largest number of clients in one summary; with more, the caller has to name them.
MAX_CLIENTS = 500
#: The largest value of feedback, and the largest number of its decimals.
MAX_VALUE, MAX_DECIMALS = 10**38, 18
#: Feedback without a file of details has no hash of it either.
NO_URI, NO_HASH = "", bytes(32)


@dataclass(frozen=True)
class FeedbackSummary:
    """The feedback on an agent."""

    token_id: int
    #: The number of feedbacks.
    count: int
    #: Their mean, or None without any.
    value: Decimal | None
    #: The accounts that gave it.
    clients: tuple[str, ...]


class Reputation:
    """Reads and gives feedback."""

    def __init__(self, registries: Registries, wallets: Wallets, creator_score: CreatorScore | None) -> None:
        self._registries = registries
        self._wallets = wallets
        self._creator_score = creator_score

    def summary(
        self, token_id: int, clients: Sequence[str] | None = None, *, tag1: str = "", tag2: str = ""
    ) -> FeedbackSummary:
        """Return the mean of the feedback on a number, by all clients or some, with these tags if they are not empty.

        Anyone can give feedback from any number of accounts, so only that of known clients is meaningful.
        """
        if clients is None:
            clients = self._registries.call(REPUTATION, "getClients(uint256)", token_id)
        clients = tuple(dict.fromkeys(clients))
        # The contract refuses an empty list of clients.
        if not clients:
            return FeedbackSummary(token_id, 0, None, ())
        if len(clients) > MAX_CLIENTS:
            raise InvalidInput(f"{len(clients):,} clients have given feedback on number {token_id}; name some of them.")
        signature = "getSummary(uint256,address[],string,string)"
        count, value, decimals = self._registries.call(REPUTATION, signature, token_id, list(clients), tag1, tag2)
        return FeedbackSummary(token_id, count, _decimal(value, decimals) if count else None, clients)

    def feedback_request(
        self, from_agent: str, token_id: int, value: Decimal, *, tag1: str = "", tag2: str = "", endpoint: str = ""
    ) -> TxRequest:
        """Return the transaction by which an agent, or with "" the operator, gives feedback on a number."""
        if self._registries.call(IDENTITY, "ownerOf(uint256)", token_id) == self._wallets.address(from_agent):
            raise InvalidInput(f"Number {token_id} belongs to {from_agent or 'you'}; its owner cannot give feedback.")
        number, decimals = fixed_point(value)
        return self._registries.request(
            REPUTATION, "giveFeedback(uint256,int128,uint8,string,string,string,string,bytes32)",
            token_id, number, decimals, tag1, tag2, endpoint, NO_URI, NO_HASH,
            agent=from_agent, purpose=f"give feedback on number {token_id}",
        )  # fmt: skip

    def give_feedback(self, request: TxRequest, *, key: str = "") -> Tx:
        """Give feedback; the same feedback again is not sent, unless `key` differs."""
        digest = hashlib.sha256(request.data.encode()).hexdigest()[:32]
        account = self._wallets.address(request.agent)
        return self._registries.send_once(request, f"feedback:{request.to}:{account}:{digest}:{key}")

    def creator_score(self, account: str) -> Decimal | None:
        """Return the score of an account by the contract of `[creator_score]`, or None where none is configured."""
        wanted = self._creator_score
        if wanted is None:
            return None
        if "(" in wanted.function:
            from ceos.evm.abi import Abi  # noqa: PLC0415  # heavy

            declared = wanted.function if wanted.function.startswith("function ") else f"function {wanted.function}"
            (function,) = Abi.parse([declared]).functions.values()
        else:
            function = self._registries.abi(wanted.contract).function(wanted.function)
        found = self._registries.client.call(self._registries.address(wanted.contract), function, account)
        if not isinstance(found, int) or isinstance(found, bool):
            raise InvalidInput(f"creator_score: {wanted.function} of {wanted.contract} does not return a number.")
        return _decimal(found, wanted.decimals)


def fixed_point(value: Decimal) -> tuple[int, int]:
    """Return a decimal as the registry stores it: (digits, number of decimals); raises `InvalidInput`."""
    if not value.is_finite() or (value and not -MAX_DECIMALS <= value.adjusted() <= 38):
        raise InvalidInput(f"The value has to be a number such as 87 or 99.5; got {value}.")
    with localcontext(prec=100):
        decimals = max(0, -int(value.normalize().as_tuple().exponent))
        number = int(value.scaleb(decimals))
    if decimals > MAX_DECIMALS or abs(number) > MAX_VALUE:
        raise InvalidInput(f"The value {value} has more digits than the registry stores.")
    return number, decimals


def _decimal(number: int, decimals: int) -> Decimal:
    """Return a whole number with the decimal point set, without rounding."""
    with localcontext(prec=100):
        return Decimal(number).scaleb(-decimals)
