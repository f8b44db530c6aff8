"""The settings from the environment: every variable with its default and one sentence of help.

No other module reads the environment. The documentation and `ceos doctor` show this table, and one error names all
invalid variables.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from ceos.errors import InvalidInput
from ceos.logs import register_secret


def _url(value: Any) -> Any:
    if isinstance(value, str) and not value.startswith(("http://", "https://")):
        raise ValueError("an http:// or https:// address")
    return value.rstrip("/") if isinstance(value, str) else value


def _redis_url(value: Any) -> Any:
    if isinstance(value, str) and not _is_redis_url(value):
        raise ValueError("an address like redis://host:6379/0, rediss://host:6379/0 or unix:///path?db=0")
    return value


def _is_redis_url(value: str) -> bool:
    if not value.startswith(("redis://", "rediss://", "unix://")):
        return False
    try:
        parts = urlsplit(value)
        database = parse_qs(parts.query).get("db") or [parts.path.strip("/") if parts.scheme != "unix" else ""]
        return (
            (parts.port or 1) > 0 and (database[0] or "0").isdecimal() and (parts.scheme != "unix" or parts.path != "")
        )
    except ValueError:
        return False


def _urls(value: Any) -> Any:
    if isinstance(value, str):
        parts = list(filter(None, map(str.strip, value.split(","))))
        if not parts or any(not part.startswith(("http://", "https://")) for part in parts):
            raise ValueError("an http:// or https:// address, or several separated by commas")
    return value


HttpUrl = Annotated[str, BeforeValidator(_url)]
HttpUrls = Annotated[str, BeforeValidator(_urls)]
RedisUrl = Annotated[str, BeforeValidator(_redis_url)]


class Settings(BaseModel):
    """The settings of the environment and of `.env`; `from_env` reads them."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, validate_default=True)

    redis_url: RedisUrl | None = Field(
        None, alias="CEOS_REDIS_URL", description="Redis for the data; unset: an embedded server under CEOS_HOME."
    )
    broker_url: RedisUrl | None = Field(
        None,
        alias="CEOS_BROKER_URL",
        description="Redis for the messages; unset: the same server, next logical database.",
    )
    scheduler: Literal["embedded", "off"] = Field(
        "embedded",
        alias="CEOS_SCHEDULER",
        description="A scheduler in every worker process, or none.",
    )
    home: Path = Field(
        Path("~/.ceos"), alias="CEOS_HOME", description="Folder of the embedded server's data and socket."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", alias="CEOS_LOG_LEVEL", description="The lowest severity that is logged."
    )
    log_format: Literal["json", "text"] = Field(
        "json", alias="CEOS_LOG_FORMAT", description="JSON lines for machines, text for a terminal."
    )
    skill_path: str = Field(
        "", alias="CEOS_SKILL_PATH", description="Folders with plugin files and skills, separated like PATH."
    )
    plugins: str = Field(
        "",
        alias="CEOS_PLUGINS",
        description="Plugins to load beside the built-in ones, separated by commas; none: no others; unset: all.",
    )
    sandbox: Literal["auto", "strict", "standard", "dev"] = Field(
        "auto",
        alias="CEOS_SANDBOX",
        description="Isolation that skills require: strict, standard (Linux) or dev (elsewhere); auto: by the system.",
    )
    openrouter_api_key: SecretStr | None = Field(
        None, alias="OPENROUTER_API_KEY", description="Key of OpenRouter, which writes the texts."
    )
    openrouter_base_url: HttpUrl = Field(
        "https://openrouter.ai/api/v1", alias="OPENROUTER_BASE_URL", description="Address of OpenRouter."
    )
    fal_key: SecretStr | None = Field(None, alias="FAL_KEY", description="Key of fal.ai, for pictures and videos.")
    fal_run_url: HttpUrl = Field(
        "https://fal.run", alias="FAL_RUN_URL", description="Address of fal.ai's direct calls."
    )
    fal_queue_url: HttpUrl = Field(
        "https://queue.fal.run", alias="FAL_QUEUE_URL", description="Address of fal.ai's queue."
    )
    fal_rest_url: HttpUrl = Field(
        "https://rest.fal.ai",
        alias="FAL_REST_URL",
        description="Address of fal.ai's storage and of the keys that sign its webhooks.",
    )
    neynar_api_key: SecretStr | None = Field(
        None, alias="NEYNAR_API_KEY", description="Key of Neynar, which publishes to Farcaster."
    )
    neynar_base_url: HttpUrl = Field(
        "https://api.neynar.com/v2", alias="NEYNAR_BASE_URL", description="Address of Neynar, with the version."
    )
    neynar_webhook_secret: SecretStr | None = Field(
        None,
        alias="NEYNAR_WEBHOOK_SECRET",
        description="Secret that signs Neynar's webhooks, or several separated by commas; unset: no webhooks.",
    )
    web_host: str = Field("127.0.0.1", alias="CEOS_WEB_HOST", description="Address on which the web app listens.")
    web_port: int = Field(
        8780, alias="CEOS_WEB_PORT", ge=0, le=65535, description="Port of the web app; 0 takes a free one."
    )
    neynar_per_minute: int = Field(
        600,
        alias="CEOS_NEYNAR_PER_MINUTE",
        ge=0,
        le=1_000_000,
        description="Requests to Neynar in a minute by all workers together; 0: no limit.",
    )
    poll_seconds: float = Field(
        300.0,
        alias="CEOS_POLL_SECONDS",
        ge=10,
        le=86_400,
        description="Seconds between two polls of an agent's mentions.",
    )
    trends_seconds: float = Field(
        1800.0,
        alias="CEOS_TRENDS_SECONDS",
        ge=60,
        le=86_400,
        description="Seconds between two polls of trending topics, once for all agents.",
    )
    trends_agents_per_topic: int = Field(
        2,
        alias="CEOS_TRENDS_AGENTS_PER_TOPIC",
        ge=1,
        le=10_000,
        description="Most agents of the installation that may post about one trending topic, the most relevant first.",
    )
    trends_minutes_apart: float = Field(
        30.0,
        alias="CEOS_TRENDS_MINUTES_APART",
        ge=0,
        le=10_080,
        description="Shortest time in minutes between the posts of two agents about one trending topic.",
    )
    base_rpc_url: HttpUrls = Field(
        "https://mainnet.base.org",
        alias="BASE_RPC_URL",
        description="Address of a Base node, or several separated by commas; the first healthy one is used.",
    )
    base_chain_id: int = Field(
        8453,
        alias="BASE_CHAIN_ID",
        ge=1,
        le=2**53,
        description="Chain id that every node must report; transactions are signed for no other.",
    )
    base_private_key: SecretStr | None = Field(
        None, alias="BASE_PRIVATE_KEY", description="Private key of the account on Base that all agents share."
    )
    base_keystore: Path | None = Field(
        None, alias="BASE_KEYSTORE", description="Encrypted key file of that account, instead of BASE_PRIVATE_KEY."
    )
    base_keystore_password: SecretStr | None = Field(
        None, alias="BASE_KEYSTORE_PASSWORD", description="Password of the key file."
    )
    base_seed_phrase: SecretStr | None = Field(
        None,
        alias="BASE_SEED_PHRASE",
        description="Seed phrase from which every agent gets its own account.",
    )
    chain_file: Path | None = Field(
        None,
        alias="CEOS_CHAIN_FILE",
        description="TOML file with contracts, subscriptions and the policy; unset: chain.toml in CEOS_HOME.",
    )
    public_url: HttpUrl | None = Field(
        None,
        alias="CEOS_PUBLIC_URL",
        description="Public address of 'ceos web', which agents publish and to which fal.ai sends webhooks.",
    )
    x402_facilitator_url: HttpUrl = Field(
        "https://x402.org/facilitator",
        alias="X402_FACILITATOR_URL",
        description="Address of the service that verifies and settles payments to agents.",
    )
    lease_seconds: float = Field(
        60.0,
        alias="CEOS_LEASE_SECONDS",
        ge=2,
        le=600,
        description="Seconds that a silent worker keeps a run.",
    )
    settle_seconds: float = Field(
        45.0, alias="CEOS_SETTLE_SECONDS", ge=0, le=3600,
        description="Seconds that a cast of unknown outcome may take to appear before it is sent again.",
    )  # fmt: skip
    review_hours: float = Field(
        24.0,
        alias="CEOS_REVIEW_HOURS",
        gt=0,
        le=720,
        description="Hours that a draft waits for approval before it expires.",
    )
    clock_speed: float = Field(
        1.0,
        alias="CEOS_CLOCK_SPEED",
        gt=0,
        le=100_000,
        description="Factor by which schedules run faster than real time.",
    )
    clock_origin: float = Field(
        0.0,
        alias="CEOS_CLOCK_ORIGIN",
        ge=0,
        description="Unix time from which the accelerated clock runs.",
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, *, dotenv: Path | None = Path(".env")) -> Settings:
        """Return the settings of `environ` (the process's by default) over those of the file `dotenv`.

        Raises `InvalidInput` with one line for every invalid variable.
        """
        settings, problems = cls.inspect(environ, dotenv=dotenv)
        if problems:
            raise InvalidInput("\n".join(problems.values()))
        return settings

    @classmethod
    def inspect(
        cls, environ: Mapping[str, str] | None = None, *, dotenv: Path | None = Path(".env")
    ) -> tuple[Settings, dict[str, str]]:
        """Return the settings, with defaults for invalid variables, and the problems by the names of these."""
        variables = {**_read_dotenv(dotenv), **(os.environ if environ is None else environ)}
        known = {name: variables[name] for name in cls.variables() if variables.get(name)}
        problems: dict[str, str] = {}
        try:
            settings = cls.model_validate(known)
        except ValidationError as error:
            for item in error.errors():
                problems.setdefault(str(item["loc"][0]) if item["loc"] else "settings", _problem(item))
            settings = cls.model_validate({name: value for name, value in known.items() if name not in problems})
        object.__setattr__(settings, "_variables", variables)
        settings._register_secrets()
        return settings, problems

    def _register_secrets(self) -> None:
        for value in vars(self).values():
            if isinstance(value, SecretStr):
                register_secret(value.get_secret_value())
        for webhook_secret in self.webhook_secrets():
            register_secret(webhook_secret)
        for url in self.rpc_urls():
            for secret_part in _secrets_in(url):
                register_secret(secret_part)
        for url in filter(None, (self.redis_url, self.broker_url)):
            password = urlsplit(url).password or ""
            for secret_part in (password, unquote(password), *parse_qs(urlsplit(url).query).get("password", [])):
                register_secret(secret_part)

    @classmethod
    def variables(cls) -> dict[str, str]:
        """Return the name and the help of every variable."""
        return {str(field.alias): field.description or "" for field in cls.model_fields.values()}

    def variable(self, name: str) -> str | None:
        """Return the secret that an agent file names by its variable (a signer id), or None when it is not set."""
        value: str | None = getattr(self, "_variables", {}).get(name) or None
        register_secret(value)
        return value

    def webhook_secrets(self) -> tuple[str, ...]:
        """Return the secrets that may have signed a webhook; empty when webhooks are not configured."""
        parts = (secret(self.neynar_webhook_secret) or "").split(",")
        return tuple(filter(None, map(str.strip, parts)))

    def wants_web(self) -> bool:
        """Return True if webhooks or public pages are configured."""
        return bool(self.webhook_secrets() or self.public_url)

    def rpc_urls(self) -> tuple[str, ...]:
        """Return the addresses of the nodes, the preferred one first."""
        return tuple(filter(None, (part.strip().rstrip("/") for part in self.base_rpc_url.split(","))))

    def chain_file_path(self) -> Path:
        """Return the path of `chain.toml`; the file need not exist."""
        return (self.chain_file or self.home_folder() / "chain.toml").expanduser().absolute()

    def has_chain_file(self) -> bool:
        """Return True if `chain.toml` exists or CEOS_CHAIN_FILE names one, which must exist then."""
        return self.chain_file is not None or self.chain_file_path().exists()

    def home_folder(self) -> Path:
        """Return CEOS_HOME with `~` resolved."""
        return self.home.expanduser().absolute()


#: A part of a node's address this long counts as a key: providers put keys into the path.
MIN_KEY_CHARACTERS = 16


def _secrets_in(url: str) -> list[str]:
    """Return the parts of a node's address that may be keys."""
    parts = urlsplit(url)
    found = [*parts.path.split("/"), *(value for values in parse_qs(parts.query).values() for value in values)]
    return [parts.password or "", *(part for part in found if len(part) >= MIN_KEY_CHARACTERS)]


def secret(value: SecretStr | None) -> str | None:
    """Return the value of a secret setting."""
    return value.get_secret_value() if value else None


def _read_dotenv(path: Path | None) -> dict[str, str]:
    if path is None or not path.is_file():
        return {}
    from dotenv import dotenv_values  # noqa: PLC0415  # only with a .env file

    try:
        return {key: value for key, value in dotenv_values(path).items() if value}
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}. Fix its permissions, or move it away.") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{path} is not UTF-8; save it with that encoding.") from None


#: Expectations by pydantic's error types.
_EXPECTED = {
    "literal_error": "{expected}",
    "value_error": "{error}",
    "int_parsing": "a whole number",
    "float_parsing": "a number",
    "finite_number": "a number",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
}


def _problem(item: Any) -> str:
    """Describe one invalid variable, without its value: it may be a secret in the wrong place."""
    name = str(item["loc"][0]) if item["loc"] else "settings"
    words = _EXPECTED.get(item["type"])
    expected = words.format(**item.get("ctx", {})) if words else f"something else ({item['msg']})"
    return f"{name} is not valid: expected {expected}."
