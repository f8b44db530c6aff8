"""What others think of agents, by the reputation registry of ERC-8004; and scores of creators, by another contract."""

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

#: Of how many clients a summary is asked for at most; beyond them, one has to say whose word counts.
MOST_CLIENTS = 500
#: The largest value of feedback, and its most digits after the point.
MOST_VALUE, MOST_DECIMALS = 10**38, 18
#: There is no file with more about the feedback, so there is no hash of it either.
NO_URI, NO_HASH = "", bytes(32)


@dataclass(frozen=True)
class FeedbackSummary:
    """What others think of an agent."""

    token_id: int
    #: How many times feedback was given.
    count: int
    #: Its mean, or None without any.
    value: Decimal | None
    #: Whose feedback it is.
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

        Anybody may give feedback under any number of addresses, so only the word of clients one knows means much.
        """
        if clients is None:
            clients = self._registries.call(REPUTATION, "getClients(uint256)", token_id)
        clients = tuple(dict.fromkeys(clients))
        # The contract refuses a summary of nobody.
        if not clients:
            return FeedbackSummary(token_id, 0, None, ())
        if len(clients) > MOST_CLIENTS:
            raise InvalidInput(f"{len(clients):,} clients have spoken of number {token_id}; name those you trust.")
        signature = "getSummary(uint256,address[],string,string)"
        count, value, decimals = self._registries.call(REPUTATION, signature, token_id, list(clients), tag1, tag2)
        return FeedbackSummary(token_id, count, _decimal(value, decimals) if count else None, clients)

    def request(
        self, from_agent: str, token_id: int, value: Decimal, *, tag1: str = "", tag2: str = "", endpoint: str = ""
    ) -> TxRequest:
        """Return the transaction by which an agent, or with "" the operator, says what it thinks of a number."""
        if self._registries.call(IDENTITY, "ownerOf(uint256)", token_id) == self._wallets.address(from_agent):
            raise InvalidInput(f"Number {token_id} belongs to {from_agent or 'you'}; nobody may praise themselves.")
        number, decimals = fixed_point(value)
        return self._registries.request(
            REPUTATION, "giveFeedback(uint256,int128,uint8,string,string,string,string,bytes32)",
            token_id, number, decimals, tag1, tag2, endpoint, NO_URI, NO_HASH,
            agent=from_agent, purpose=f"give feedback on number {token_id}",
        )  # fmt: skip

    def give(self, request: TxRequest, *, key: str = "") -> Tx:
        """Give feedback; the same words again are the same feedback, unless `key` differs."""
        said = hashlib.sha256(request.data.encode()).hexdigest()[:32]
        account = self._wallets.address(request.agent)
        return self._registries.send_once(request, f"feedback:{request.to}:{account}:{said}:{key}")

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
            raise InvalidInput(f"creator_score: {wanted.function} of {wanted.contract} gives no number.")
        return _decimal(found, wanted.decimals)


def fixed_point(value: Decimal) -> tuple[int, int]:
    """Return a decimal as (digits, digits after the point), as the registry keeps it; raises `InvalidInput`."""
    if not value.is_finite() or (value and not -MOST_DECIMALS <= value.adjusted() <= 38):
        raise InvalidInput(f"The value is a number such as 87 or 99.5; got {value}.")
    with localcontext(prec=100):
        decimals = max(0, -int(value.normalize().as_tuple().exponent))
        number = int(value.scaleb(decimals))
    if decimals > MOST_DECIMALS or abs(number) > MOST_VALUE:
        raise InvalidInput(f"The value {value} has more digits than the registry keeps.")
    return number, decimals


def _decimal(number: int, decimals: int) -> Decimal:
    """Return a whole number with the point set; exactly, however many digits it has."""
    with localcontext(prec=100):
        return Decimal(number).scaleb(-decimals)
