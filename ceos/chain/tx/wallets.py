"""The accounts: the only place that holds keys and signs with them.

Either one key for all, from the environment or from an encrypted file, or a seed phrase, from which every agent derives
its own account. A key is loaded only for signing, so a broken key does not prevent reading the chain.

It signs only transactions of type 2 on the configured chain and payments in USDC (EIP-3009), because a signature of
arbitrary data can be worth money as well.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from eth_account import Account
from eth_account.signers.local import LocalAccount

from ceos.errors import InvalidInput, KeyRefused, WrongChain
from ceos.evm.recursion import bound_recursion
from ceos.evm.types import checksummed
from ceos.logs import register_secret
from ceos.settings import Settings, secret

bound_recursion()
Source = Literal["key", "keystore", "seed"]

#: The environment variable of each source.
VARIABLES: Mapping[Source, str] = {"key": "BASE_PRIVATE_KEY", "keystore": "BASE_KEYSTORE", "seed": "BASE_SEED_PHRASE"}
#: The path of the operator's account, which is the first account of every wallet (BIP-44).
OPERATOR_PATH = "m/44'/60'/0'/0/0"
#: The minimum length of the password of a new keystore.
MIN_PASSWORD_CHARS = 8

#: The exact fields of a transaction; `to` is required, so none creates a contract.
FIELDS = frozenset(("type", "chainId", "nonce", "to", "value", "data", "gas", "maxFeePerGas", "maxPriorityFeePerGas"))
#: The only other type of data that is signed: a payment that the payment policy allowed.
PAYMENT = "TransferWithAuthorization"
PAYMENT_FIELDS = (
    ("from", "address"),
    ("to", "address"),
    ("value", "uint256"),
    ("validAfter", "uint256"),
    ("validBefore", "uint256"),
    ("nonce", "bytes32"),
)
DOMAIN_FIELDS = frozenset(("name", "version", "chainId", "verifyingContract"))
NONCE_BYTES = 32

_KEY = re.compile(r"(?:0x)?[0-9a-fA-F]{64}")
_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*")


class Wallets:
    """Signs for the operator and the agents; never shows a key."""

    def __init__(self, source: Source | None, unlock: Callable[[str], LocalAccount], chain_id: int) -> None:
        #: The source of the keys; None without any.
        self.source: Source | None = source
        self._unlock = unlock
        self._chain_id = chain_id
        self._accounts: dict[str, LocalAccount] = {}
        self._lock = threading.Lock()

    @classmethod
    def from_settings(cls, settings: Settings) -> Wallets:
        """Return the wallets of the settings; raises `InvalidInput` if they name several sources."""
        values: dict[Source, Any] = {
            "key": secret(settings.base_private_key),
            "keystore": settings.base_keystore,
            "seed": secret(settings.base_seed_phrase),
        }
        found = [source for source, value in values.items() if value]
        if len(found) > 1:
            names = " and ".join(VARIABLES[source] for source in found)
            raise InvalidInput(f"{names} are set; keep one of them, because each has other accounts.")
        if not found:
            return cls(None, _no_key, settings.base_chain_id)
        password = secret(settings.base_keystore_password)
        unlocks: dict[Source, Callable[[str], LocalAccount]] = {
            "key": lambda _: _from_key(str(values["key"])),
            "keystore": lambda _: _from_keystore(Path(values["keystore"]).expanduser(), password),
            "seed": lambda path: _from_seed(str(values["seed"]), path),
        }
        return cls(found[0], unlocks[found[0]], settings.base_chain_id)

    def __repr__(self) -> str:
        return f"<Wallets from {self.source or 'nothing'}>"

    def __reduce__(self) -> Any:
        raise TypeError("wallets cannot be copied or stored; build them from the settings")

    def path(self, agent_id: str = "") -> str:
        """Return the derivation path of an account; empty where all share one key."""
        return derivation_path(agent_id) if self.source == "seed" else ""

    def address(self, agent_id: str = "") -> str:
        """Return the account of an agent, or the operator's own; raises `KeyRefused` without a usable key."""
        return str(self._account(agent_id).address)

    def sign_transaction(self, agent_id: str, fields: Mapping[str, Any]) -> tuple[str, str]:
        """Return a signed transaction and its hash, both as hex.

        Signing the same fields again gives the same bytes. Raises `InvalidInput` unless it is a transaction of type 2
        with a recipient, and `WrongChain` for another chain than the configured one.
        """
        self._check_fields(fields)
        signed = self._account(agent_id).sign_transaction(dict(fields))
        return "0x" + bytes(signed.raw_transaction).hex(), "0x" + bytes(signed.hash).hex()

    def sign_typed_data(
        self, agent_id: str, domain: Mapping[str, Any], types: Mapping[str, Any], message: Mapping[str, Any]
    ) -> str:
        """Return the signature of a payment (EIP-3009, EIP-712) as hex of 65 bytes; other data is refused."""
        account = self._account(agent_id)
        self._check_payment(domain, types, message, account.address)
        signed = account.sign_typed_data(dict(domain), {PAYMENT: list(types[PAYMENT])}, dict(message))
        return "0x" + bytes(signed.signature).hex()

    def _account(self, agent_id: str) -> LocalAccount:
        path = self.path(agent_id)
        with self._lock:
            if path not in self._accounts:
                self._accounts[path] = self._unlock(path)
            return self._accounts[path]

    def _check_fields(self, fields: Mapping[str, Any]) -> None:
        if set(fields) != FIELDS:
            wrong = ", ".join(sorted(set(fields) ^ FIELDS))
            raise InvalidInput(f"A transaction has missing or unknown fields ({wrong}); nothing was signed.")
        numbers = {name: value for name, value in fields.items() if name not in ("to", "data")}
        for name, value in numbers.items():
            _check_number(value, f"A transaction's {name}")
        if fields["type"] != 2:
            raise InvalidInput(f"A transaction is of type {fields['type']} and not 2; nothing was signed.")
        self._check_chain(fields["chainId"])
        if not isinstance(fields["data"], str) or not _DATA.fullmatch(fields["data"]):
            raise InvalidInput("A transaction's data is not hex; nothing was signed.")
        _check_address(fields["to"], "A transaction's to")

    def _check_payment(
        self, domain: Mapping[str, Any], types: Mapping[str, Any], message: Mapping[str, Any], account: str
    ) -> None:
        fields = tuple((field.get("name"), field.get("type")) for field in types.get(PAYMENT, ()))
        if set(types) - {"EIP712Domain"} != {PAYMENT} or fields != PAYMENT_FIELDS:
            raise InvalidInput(f"Only a {PAYMENT} with its six fields can be signed; nothing was signed.")
        texts = [domain.get("name"), domain.get("version")]
        if set(domain) != DOMAIN_FIELDS or not all(isinstance(text, str) for text in texts):
            raise InvalidInput("A payment's domain is not that of a token; nothing was signed.")
        if set(message) != {name for name, _ in PAYMENT_FIELDS}:
            raise InvalidInput("A payment has missing or unknown fields; nothing was signed.")
        self._check_chain(domain["chainId"])
        for value, what in ((domain["verifyingContract"], "token"), (message["from"], "from"), (message["to"], "to")):
            _check_address(value, f"A payment's {what}")
        for name, type_ in PAYMENT_FIELDS:
            if type_ == "uint256":
                _check_number(message[name], f"A payment's {name}")
        if not isinstance(message["nonce"], bytes) or len(message["nonce"]) != NONCE_BYTES:
            raise InvalidInput("A payment's nonce is not 32 bytes; nothing was signed.")
        if message["from"] != account:
            raise InvalidInput(
                f"A payment is from {message['from']} and the key is that of {account}; nothing was signed."
            )

    def _check_chain(self, chain_id: Any) -> None:
        if type(chain_id) is not int or chain_id != self._chain_id:
            raise WrongChain(
                f"A signature was requested for chain {str(chain_id)[:30]}, and BASE_CHAIN_ID is {self._chain_id}; "
                "nothing was signed."
            )


def derivation_path(agent_id: str) -> str:
    """Return the derivation path of an account: the operator's for "", otherwise one derived from the agent's id."""
    if not agent_id:
        return OPERATOR_PATH
    digest = sha256(f"ceos:{agent_id}".encode()).digest()
    first, second = (int.from_bytes(digest[at : at + 4]) >> 1 for at in (0, 4))
    return f"m/44'/60'/{first}'/0/{second}"


def new_keystore(password: str) -> tuple[str, dict[str, Any]]:
    """Return the address of a new account and its encrypted key file (scrypt)."""
    if len(password) < MIN_PASSWORD_CHARS:
        raise InvalidInput(f"The password has fewer than {MIN_PASSWORD_CHARS} characters; choose a longer one.")
    account = Account.create()
    _keep_secret(account)
    return str(account.address), dict(Account.encrypt(account.key, password, kdf="scrypt"))


def new_seed_phrase() -> tuple[str, str]:
    """Return the operator's address of a new seed and its 12 words."""
    Account.enable_unaudited_hdwallet_features()
    account, phrase = Account.create_with_mnemonic(account_path=OPERATOR_PATH)
    register_secret(phrase)
    _keep_secret(account)
    return str(account.address), str(phrase)


def _check_number(value: Any, what: str) -> None:
    if type(value) is not int or not 0 <= value < 2**256:
        raise InvalidInput(f"{what} is not a whole number from 0 on; nothing was signed.")


def _check_address(value: Any, what: str) -> None:
    try:
        if isinstance(value, str) and checksummed(value) == value:
            return
    except ValueError:
        pass
    raise InvalidInput(f"{what} is not an address with its checksum; nothing was signed.")


def _no_key(_: str) -> LocalAccount:
    raise KeyRefused(
        "There is no key to sign with: set BASE_PRIVATE_KEY, BASE_KEYSTORE or BASE_SEED_PHRASE; "
        "'ceos chain wallet new' creates one"
    )


def _from_key(key: str) -> LocalAccount:
    if not _KEY.fullmatch(key.strip()):
        raise KeyRefused("BASE_PRIVATE_KEY is not a private key of 64 hex digits, with or without a leading 0x")
    try:
        return _keep_secret(Account.from_key(key.strip()))
    except Exception:
        # The library's message may contain the key.
        raise KeyRefused("BASE_PRIVATE_KEY is outside the range of private keys; copy it again") from None


def _from_keystore(path: Path, password: str | None) -> LocalAccount:
    if not password:
        raise KeyRefused("BASE_KEYSTORE is set without its password; set BASE_KEYSTORE_PASSWORD")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise KeyRefused(f"BASE_KEYSTORE cannot be read: {path}: {error.strerror or type(error).__name__}") from None
    except (ValueError, RecursionError):
        raise KeyRefused(f"BASE_KEYSTORE is not a keystore: {path} is not JSON") from None
    try:
        key = Account.decrypt(document, password)
    except ValueError:
        raise KeyRefused(f"BASE_KEYSTORE_PASSWORD does not open {path}") from None
    except Exception:
        # The library does not validate the file and raises arbitrary errors.
        raise KeyRefused(f"BASE_KEYSTORE is not a keystore: {path} has another format") from None
    return _keep_secret(Account.from_key(key))


def _from_seed(phrase: str, path: str) -> LocalAccount:
    Account.enable_unaudited_hdwallet_features()
    try:
        return _keep_secret(Account.from_mnemonic(" ".join(phrase.split()), account_path=path))
    except Exception:
        # The library's message quotes the words.
        raise KeyRefused("BASE_SEED_PHRASE is not a seed phrase of 12 to 24 English words; copy it again") from None


def _keep_secret(account: Any) -> LocalAccount:
    found: LocalAccount = account
    digits = bytes(found.key).hex()
    for form in (digits, digits.upper(), str(int(digits, 16)), repr(bytes(found.key))):
        register_secret(form)
    return found
