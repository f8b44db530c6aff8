"""The models of the simulated OpenRouter and their prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_PARAMETERS = ("max_tokens", "max_completion_tokens", "top_p", "stop", "seed")


#: The tokens that models spend on reasoning, by the effort that the request names.
REASONING_TOKENS = {
    "none": 0,
    "minimal": 200,
    "low": 700,
    "medium": 2_500,
    "high": 6_000,
    "xhigh": 12_000,
    "max": 24_000,
}


@dataclass(frozen=True, slots=True)
class Model:
    """One model; prices in US dollars per million tokens."""

    id: str
    name: str
    prompt_price: float
    completion_price: float
    context: int
    longest: int
    structured: bool = True
    temperature: bool = True
    tools: bool = True
    #: Whether it takes `reasoning`: "no", "asked" (only when asked to), "usual" (unless asked not to), "always" (it
    #: refuses not to), or "deaf" (it reasons at every request).
    reasons: str = "no"

    @property
    def provider(self) -> str:
        """The name of the host that serves it."""
        return _PROVIDERS.get(self.id.split("/")[0].lstrip("~"), "Elsewhere")

    @property
    def parameters(self) -> list[str]:
        """The parameters that a request may set."""
        return [
            *_PARAMETERS,
            *(("temperature",) if self.temperature else ()),
            *(("tools", "tool_choice") if self.tools else ()),
            *(("response_format", "structured_outputs") if self.structured else ()),
            *(("reasoning", "include_reasoning") if self.reasons != "no" else ()),
        ]

    def reasoning_tokens(self, effort: str | None) -> int:
        """Return the tokens that it spends on reasoning when the request names this effort, or none."""
        if self.reasons == "no" or (self.reasons == "asked" and effort is None):
            return 0
        return REASONING_TOKENS["medium" if effort is None or self.reasons == "deaf" else effort]

    @property
    def cache_read_price(self) -> float | None:
        """The price of prompt tokens that are read from the cache; None without a cache."""
        share = _CACHE_READS.get(self.id.split("/")[0])
        return None if share is None else self.prompt_price * share

    @property
    def cache_write_price(self) -> float | None:
        """The price of prompt tokens that are written to the cache; None where that costs nothing more."""
        return self.prompt_price * 1.25 if self.id.startswith("anthropic/") else None

    def prompt_cost(self, tokens: int, read: int = 0, written: int = 0) -> float:
        """The price of a prompt, of which some tokens were read from the cache and some written to it."""
        cached = read * (self.cache_read_price or 0.0) + written * (self.cache_write_price or 0.0)
        return ((tokens - read - written) * self.prompt_price + cached) / 1_000_000

    def completion_cost(self, tokens: int) -> float:
        """The price of a completion."""
        return tokens * self.completion_price / 1_000_000

    def _pricing(self) -> dict[str, str]:
        prices = {
            "prompt": self.prompt_price,
            "completion": self.completion_price,
            "input_cache_read": self.cache_read_price,
            "input_cache_write": self.cache_write_price,
        }
        return {name: _per_token(price) for name, price in prices.items() if price is not None}

    def wire(self) -> dict[str, Any]:
        """The Model of `GET /models`."""
        return {
            "id": self.id,
            "canonical_slug": self.id.split(":")[0],
            "name": self.name,
            "created": 1_735_689_600,
            "description": f"{self.name}, simulated.",
            "context_length": self.context,
            "architecture": {
                "modality": "text->text",
                "input_modalities": ["text"],
                "output_modalities": ["text"],
                "tokenizer": "Other",
                "instruct_type": None,
            },
            "pricing": self._pricing(),
            "top_provider": {
                "context_length": self.context,
                "max_completion_tokens": self.longest,
                "is_moderated": False,
            },
            "per_request_limits": None,
            "supported_parameters": self.parameters,
            "default_parameters": None,
            "supported_voices": None,
            "expiration_date": None,
            "links": {"details": f"/api/v1/models/{self.id}/endpoints"},
            **({"reasoning": self._reasoning()} if self.reasons != "no" else {}),
        }

    def _reasoning(self) -> dict[str, Any]:
        return {
            "mandatory": self.reasons == "always",
            "default_enabled": self.reasons != "asked",
            "default_effort": "medium",
            "supported_efforts": ["high", "medium", "low", "minimal"] if self.reasons == "always" else None,
        }


_PROVIDERS = {
    "anthropic": "Anthropic",
    "openai": "OpenAI",
    "google": "Google",
    "meta-llama": "DeepInfra",
}

#: Makers that cache prompts: the price of a token that is read from the cache, as a part of that of any other.
_CACHE_READS = {"anthropic": 0.1, "openai": 0.5, "google": 0.1}

_LIST = (
    Model(
        "anthropic/claude-sonnet-4",
        "Anthropic: Claude Sonnet 4",
        3,
        15,
        1_000_000,
        64_000,
        structured=False,
        reasons="asked",
    ),
    Model("anthropic/claude-sonnet-4.5", "Anthropic: Claude Sonnet 4.5", 3, 15, 1_000_000, 64_000, reasons="asked"),
    Model("anthropic/claude-sonnet-4.6", "Anthropic: Claude Sonnet 4.6", 3, 15, 1_000_000, 64_000, reasons="asked"),
    Model(
        "anthropic/claude-sonnet-5",
        "Anthropic: Claude Sonnet 5",
        2,
        10,
        1_000_000,
        128_000,
        temperature=False,
        reasons="asked",
    ),
    Model("openai/gpt-4o-mini", "OpenAI: GPT-4o-mini", 0.15, 0.60, 128_000, 16_384),
    Model("openai/gpt-4o-mini-2024-07-18", "OpenAI: GPT-4o-mini (2024-07-18)", 0.15, 0.60, 128_000, 16_384),
    Model("openai/gpt-5-mini", "OpenAI: GPT-5 Mini", 0.25, 2, 400_000, 128_000, temperature=False, reasons="always"),
    Model("deepseek/deepseek-r1", "DeepSeek: R1", 0.70, 2.50, 163_840, 32_768, structured=False, reasons="deaf"),
    Model("google/gemini-2.0-flash-001", "Google: Gemini 2.0 Flash", 0.10, 0.40, 1_048_576, 8_192),
    Model("google/gemini-2.5-flash", "Google: Gemini 2.5 Flash", 0.30, 2.50, 1_048_576, 65_535, reasons="asked"),
    Model("google/gemini-2.5-flash-lite", "Google: Gemini 2.5 Flash Lite", 0.10, 0.40, 1_048_576, 65_535),
    Model(
        "google/gemini-3.1-flash-lite", "Google: Gemini 3.1 Flash Lite", 0.25, 1.50, 1_048_576, 65_535, reasons="asked"
    ),
    Model("google/gemini-3.5-flash", "Google: Gemini 3.5 Flash", 1.50, 9, 1_048_576, 65_535, reasons="usual"),
    Model("meta-llama/llama-3.3-70b-instruct", "Meta: Llama 3.3 70B Instruct", 0.10, 0.32, 131_072, 16_384),
    Model(
        "meta-llama/llama-3.3-70b-instruct:free", "Meta: Llama 3.3 (free)", 0, 0, 131_072, 16_384, False, tools=False
    ),
)
MODELS = {model.id: model for model in _LIST}
ALIASES = {
    "~anthropic/claude-sonnet-latest": "anthropic/claude-sonnet-5",
    "~google/gemini-flash-latest": "google/gemini-3.5-flash",
}
DEFAULT = MODELS["openai/gpt-4o-mini"]


def find(model_id: str, *, accept_unknown: bool) -> Model | None:
    """The model of an id, through aliases and routing suffixes; an unknown one has an average price."""
    model_id = ALIASES.get(model_id, model_id)
    base, _, suffix = model_id.partition(":")
    known = MODELS.get(model_id) or (MODELS.get(base) if suffix else None)
    author, _, slug = base.partition("/")
    if known is None and accept_unknown and author and slug and "/" not in slug:
        return Model(base, slug.replace("-", " ").title(), 1, 4, 128_000, 16_384)
    return known


def _per_token(price: float) -> str:
    return f"{price / 1_000_000:.12f}".rstrip("0").rstrip(".")
