"""OpenRouter: completions with routing between models, and the small endpoints around them."""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any

from ceos.simulator.audience.voices import INJECTIONS
from ceos.simulator.chance import hex_hash
from ceos.simulator.faults import ACCOUNT_FAULTS, FAULTS, ROUTE_FAULTS, Faults
from ceos.simulator.openrouter import tools
from ceos.simulator.openrouter.answers import Answer, spoil, stream_reply, whole_reply
from ceos.simulator.openrouter.caching import CacheUse, PromptCache, prompt_tokens, text_of
from ceos.simulator.openrouter.catalogue import DEFAULT, MODELS, REASONING_TOKENS, Model, find
from ceos.simulator.openrouter.judge import Judge, is_verdict
from ceos.simulator.openrouter.obedience import obey
from ceos.simulator.openrouter.prompts import Wish, schema_in, understand
from ceos.simulator.openrouter.schemas import Filler
from ceos.simulator.phrases import load
from ceos.simulator.prose import SPLIT, Prose
from ceos.simulator.timeline import Timeline
from ceos.simulator.wire import Handler, Refusal, Reply, Request, Routes, dump, json_reply

PREFIX = "/api/v1"
_REMEMBERED = 20_000
#: Texts around which models leave their marks; `{text}` is the text that was asked for.
LEFTOVERS: tuple[str, ...] = load("leftovers")["templates"]
_PERIODS = ("usage", "usage_daily", "usage_weekly", "usage_monthly")


def refuse(status: int, message: str, **metadata: Any) -> Refusal:
    """OpenRouter's error object; `code` is the HTTP status."""
    error: dict[str, Any] = {"code": status, "message": message}
    if metadata:
        error["metadata"] = metadata
    return Refusal(json_reply({"error": error, "user_id": "user_simulated"}, status))


class OpenRouter:
    """The service behind /api/v1."""

    def __init__(self, seed: int, timeline: Timeline, faults: Faults) -> None:
        self.seed = seed
        self.timeline = timeline
        self.faults = faults
        self.options = faults.options["openrouter"]
        self.prose = Prose(seed)
        self.judge = Judge(timeline)
        self.spent = 0.0
        self._cache = PromptCache(timeline.clock)
        self._count = 0
        self._generations: OrderedDict[str, Answer] = OrderedDict()

    def routes(self) -> Routes:
        """Every route with a fixed path."""
        return {
            ("POST", f"{PREFIX}/chat/completions"): self._keyed(self.complete),
            ("GET", f"{PREFIX}/models"): self.models,
            ("GET", f"{PREFIX}/models/user"): self._keyed(self.models),
            ("GET", f"{PREFIX}/models/count"): self.count,
            ("GET", f"{PREFIX}/key"): self._keyed(self.key),
            ("GET", f"{PREFIX}/credits"): self._keyed(self.credits),
            ("GET", f"{PREFIX}/generation"): self._keyed(self.generation),
        }

    def prefixes(self) -> dict[str, Handler]:
        """Routes with a model in the path."""
        return {f"{PREFIX}/model/": self.model, f"{PREFIX}/models/": self.endpoints}

    def complete(self, request: Request) -> Reply:
        """One chat completion, whole or streamed."""
        body = self._body(request)
        self._check_credits()
        model, fault = self._route(body)
        answer = self._write(body, model, fault)
        streamed = bool(body.get("stream"))
        reply = stream_reply(answer, self.options["stream_pause_seconds"]) if streamed else whole_reply(answer)
        self._remember(answer)
        reply.headers.append((b"x-generation-id", answer.id.encode()))
        return reply

    def models(self, request: Request) -> Reply:
        """The catalogue."""
        wanted = request.params("supported_parameters")
        listed = [model.wire() for model in self._listed() if set(wanted) <= set(model.parameters)]
        offset, limit = request.param("offset", "0"), request.param("limit", "1000")
        if not offset.isdecimal() or not limit.isdecimal() or int(limit) > 1000:
            raise refuse(400, "offset and limit are numbers, limit at most 1000", error_type="invalid_request")
        page = listed[int(offset) : int(offset) + int(limit)]
        return json_reply({"data": page, "total_count": len(listed), "links": {"next": None}})

    def count(self, _request: Request) -> Reply:
        """Return the number of models."""
        return json_reply({"data": {"count": len(self._listed())}})

    def _listed(self) -> list[Model]:
        return [model for model in MODELS.values() if model.id not in self.options["retired_models"]]

    def model(self, request: Request) -> Reply:
        """One model; aliases are resolved."""
        model = find(request.path.removeprefix(f"{PREFIX}/model/"), accept_unknown=False)
        if model is None or model.id in self.options["retired_models"]:
            raise refuse(404, "Model not found")
        return json_reply({"data": model.wire()})

    def endpoints(self, request: Request) -> Reply:
        """Return the hosts of a model: one, always up."""
        path = request.path.removeprefix(f"{PREFIX}/models/").removesuffix("/endpoints")
        model = find(path, accept_unknown=False)
        if model is None or not request.path.endswith("/endpoints"):
            raise refuse(404, "Model not found")
        wire = model.wire()
        endpoint = {
            "name": f"{model.provider} | {model.id}",
            "model_id": model.id,
            "model_name": model.name,
            "context_length": model.context,
            "pricing": wire["pricing"],
            "provider_name": model.provider,
            "tag": model.provider.lower(),
            "quantization": None,
            "max_completion_tokens": model.longest,
            "max_prompt_tokens": None,
            "supported_parameters": model.parameters,
            "status": 0,
            "uptime_last_5m": 100.0,
            "uptime_last_30m": 100.0,
            "uptime_last_1d": 100.0,
            "supports_implicit_caching": False,
            "latency_last_30m": None,
            "throughput_last_30m": None,
        }
        kept = {key: wire[key] for key in ("id", "name", "created", "description", "architecture")}
        return json_reply({"data": {**kept, "endpoints": [endpoint]}})

    def key(self, request: Request) -> Reply:
        """Return the spending of the key."""
        limit = self.options["credits"]
        spent = round(self.spent, 8)
        data = {
            "label": f"{request.header(b'authorization')[7:19]}...",
            "limit": limit,
            "limit_remaining": None if limit is None else round(limit - spent, 8),
            "limit_reset": None,
            **dict.fromkeys(_PERIODS, spent),
            **{f"byok_{name}": 0 for name in _PERIODS},
            "is_free_tier": False,
            "is_management_key": False,
            "is_provisioning_key": False,
            "include_byok_in_limit": False,
            "creator_user_id": "user_simulated",
            "expires_at": None,
            "rate_limit": {"requests": -1, "interval": "10s", "note": "This field is deprecated and safe to ignore."},
        }
        return json_reply({"data": data})

    def credits(self, _request: Request) -> Reply:
        """Return the credits and usage of the account."""
        total = self.options["credits"]
        return json_reply({"data": {"total_credits": 100 if total is None else total, "total_usage": self.spent}})

    def generation(self, request: Request) -> Reply:
        """Return the cost of one completion."""
        answer = self._generations.get(request.param("id"))
        if answer is None:
            raise refuse(404, "Generation not found")
        created = datetime.fromtimestamp(answer.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        return json_reply({"data": answer.generation() | {"created_at": created}})

    def _body(self, request: Request) -> dict[str, Any]:
        try:
            body = request.json()
        except ValueError:
            raise refuse(400, "Invalid JSON body") from None
        messages = body.get("messages") if isinstance(body, dict) else None
        if not isinstance(messages, list) or not messages or not all(isinstance(each, dict) for each in messages):
            raise refuse(400, "messages: expected an array of at least one message", error_type="invalid_request")
        if wrong := tools.problem(body):
            raise refuse(400, wrong, error_type="invalid_request")
        return body  # type: ignore[no-any-return]

    def _check_credits(self) -> None:
        limit = self.options["credits"]
        if limit is not None and self.spent >= limit:
            raise _unpaid()

    def _route(self, body: dict[str, Any]) -> tuple[Model, str | None]:
        """Return the first model of the list that answers, and the fault of its answer."""
        wanted = [body.get("model"), *(body.get("models") or [])]
        names = list(dict.fromkeys(name for name in wanted if isinstance(name, str) and name)) or [DEFAULT.id]
        refusal = refuse(404, "No endpoints found")
        for name in names:
            model = find(name, accept_unknown=self.options["unknown_models"] == "accept")
            if model is None:
                refusal = refuse(400, f"{name} is not a valid model ID", error_type="invalid_request")
            elif model.id in self.options["retired_models"]:
                refusal = self._availability("model_deprecated", 404, name, retryable=False)
            elif tools.are_offered(body) and not model.tools:
                refusal = refuse(404, "No endpoints found that support tool use. Try another model.")
            elif model.reasons == "always" and _effort(body) == "none":
                refusal = refuse(400, "Reasoning is mandatory for this endpoint and cannot be disabled.")
            elif not self._serves(model, body):
                refusal = self._availability("constraint_filtered", 404, name, retryable=False)
            else:
                fault = self.faults.draw("openrouter", FAULTS["openrouter"], name)
                if fault:
                    self.timeline.fault("openrouter", fault, model=name)
                if fault in ACCOUNT_FAULTS:
                    raise self._account_refusal(fault)
                if fault not in ROUTE_FAULTS:
                    return model, fault
                refusal = self._route_refusal(fault, name, body)
        raise refusal

    def _serves(self, model: Model, body: dict[str, Any]) -> bool:
        used = set(body) & {"temperature", "response_format", "reasoning"}
        missing = used - set(model.parameters)
        strict = bool((body.get("provider") or {}).get("require_parameters"))
        return not missing or not (
            strict or (self.options["unsupported_format"] == "refuse" and "response_format" in missing)
        )

    def _route_refusal(self, fault: str | None, name: str, body: dict[str, Any]) -> Refusal:
        if fault == "rate_limited":
            refusal = refuse(429, "Rate limit exceeded", error_type="rate_limit_exceeded")
            if self.options["retry_after"] is not None:
                refusal.reply.headers.append((b"retry-after", f"{self.options['retry_after']:g}".encode()))
            return refusal
        if fault == "error_403_moderation":
            text = text_of(body["messages"][-1].get("content"))[:100]
            return refuse(
                403,
                f"{name} requires moderation. Your input was flagged.",
                reasons=["violence"],
                flagged_input=text,
                provider_name="OpenAI",
                model_slug=name,
            )
        if fault == "error_403_provider":
            raw = '{"error":{"code":"unsupported_country_region_territory"}}'
            return refuse(403, "Provider returned error", raw=raw, provider_name="OpenAI")
        if fault == "availability_error":
            return self._availability("temporarily_unavailable", 503, name, retryable=True)
        if fault == "error_529":
            return refuse(529, "Provider is overloaded", error_type="provider_overloaded")
        refusal = refuse(503, "No provider available", error_type="provider_unavailable")
        if self.options["retry_after"] is not None:
            refusal.reply.headers.append((b"retry-after", f"{self.options['retry_after']:g}".encode()))
        return refusal

    def _account_refusal(self, fault: str) -> Refusal:
        if fault == "error_402":
            return _unpaid()
        if fault == "error_403_key":
            return refuse(403, "Key limit exceeded (total limit)", error_type="permission_denied")
        if fault == "error_500":
            return refuse(500, "Internal Server Error", error_type="server")
        if fault == "stall":
            return Refusal(Reply(cut=True, delay=self.options["stall_seconds"]))
        if fault == "cut_before":
            return Refusal(Reply(cut=True))
        return Refusal(Reply(200, b"<!doctype html><title>Just a moment</title>", b"text/html"))

    def _availability(self, code: str, status: int, name: str, *, retryable: bool) -> Refusal:
        """The newer error object, which has neither `code` nor `metadata`."""
        availability = {
            "code": code,
            "retryable": retryable,
            "requested_models": [name],
            "docs_url": "https://example.com",
        }
        if retryable:
            availability["retry_after"] = 1
        error = {
            "message": f"{name} cannot take this request now",
            "error_type": "provider_unavailable" if retryable else "not_found",
            "http_status": status,
            "availability": availability,
        }
        return Refusal(json_reply({"error": error}, status))

    def _write(self, body: dict[str, Any], model: Model, fault: str | None) -> Answer:
        self._count += 1
        wish = understand(body["messages"], str(body.get("user") or ""))
        uses_tools = self.options["tool_calls"] == "use" and fault in tools.CALL_FAULTS
        called = tools.wanted(body) if uses_tools else None
        if called:
            text = self._filled(called.get("parameters") or {}, wish)
        else:
            text = self._refusing(wish) if fault in {"refusal", "refusal_field"} else self._text(body, wish, model)
        if fault == "obeys":
            text = self._obeying(body["messages"]) or text
        elif fault == "obeys_all" and not body.get("response_format") and not called:
            text = obey(body["messages"], text, self._count)
        elif fault == "leftovers" and not body.get("response_format") and not called:
            text = LEFTOVERS[self._count % len(LEFTOVERS)].replace("{text}", text)
        text = spoil(text, fault, wish.topic)
        if fault == "other_model":
            model = find("openai/gpt-4o-mini-2024-07-18", accept_unknown=False) or model
        answer = Answer(
            id=f"gen-{int(self.timeline.clock())}-{hex_hash(8, self.seed, self._count)}",
            created=int(self.timeline.clock()),
            model=model,
            text=text,
            prompt_tokens=prompt_tokens(body),
            fault=fault,
            streamed=bool(body.get("stream")),
            finish="tool_calls" if called else "stop",
            calls=called["name"] if called else "",
            reasoning=model.reasoning_tokens(_effort(body)),
            cache=self._cache.use(model, body) if self.options["prompt_cache"] == "on" else CacheUse(),
        )
        limit = body.get("max_completion_tokens") or body.get("max_tokens")
        answer.shorten(limit if isinstance(limit, int) else model.longest)
        self.timeline.record("openrouter", "completion", model=answer.model.id, topic=wish.topic, **answer.charges())
        return answer

    def _text(self, body: dict[str, Any], wish: Wish, model: Model) -> str:
        asked = body.get("response_format") or {}
        kind = asked.get("type") if isinstance(asked, dict) else None
        if (wanted := _schema_of(body)) and is_verdict(wanted):
            return self.judge.answer(body["messages"], self.options["verdicts"])
        parts = self.prose.thread(wish.voice, wish.topic, wish.parts) if wish.parts else []
        if kind in {"json_schema", "json_object"} and model.structured:
            schema = (asked.get("json_schema") or {}).get("schema") or {"properties": {"text": {"type": "string"}}}
            return self._filled(schema, wish, parts)
        if kind is None and (schema := schema_in(body["messages"])):
            return self._filled(schema, wish, parts)
        text = f"\n{SPLIT}\n".join(parts) if parts else self._plain(wish)
        return f"{text}\nIMAGE: {self.prose.picture(wish.voice, wish.topic)}" if wish.picture else text

    def _filled(self, schema: dict[str, Any], wish: Wish, parts: list[str] | None = None) -> str:
        filler = Filler(lambda: self._plain(wish), parts or [], wish.topic, (self.seed, wish.voice, self._count))
        return dump(filler.fill(schema)).decode()

    def _plain(self, wish: Wish) -> str:
        return self.prose.reply(wish.voice, wish.topic) if wish.reply else self.prose.post(wish.voice, wish.topic)

    def _refusing(self, wish: Wish) -> str:
        return f"As an AI language model, I cannot help with posts about {wish.topic}."

    def _obeying(self, messages: list[dict[str, Any]]) -> str:
        """Return the answer that a known injection in the messages demands: a text, or the instructions."""
        read = "\n".join(text_of(message.get("content")) for message in messages)
        # An injection may be quoted, shortened or escaped on its way; its beginning is enough.
        found = next((one for one in INJECTIONS if one.text[:24] in read), None)
        return (found.wanted or text_of(messages[0].get("content"))[:280]) if found else ""

    def _remember(self, answer: Answer) -> None:
        self.spent += answer.cost
        self._generations[answer.id] = answer
        if len(self._generations) > _REMEMBERED:
            self._generations.popitem(last=False)

    def _keyed(self, handler: Handler) -> Handler:
        def checked(request: Request) -> Reply:
            word, _, key = request.header(b"authorization").partition(" ")
            if word.lower() != "bearer" or not key or (self.options["keys"] and key not in self.options["keys"]):
                raise refuse(401, "No auth credentials found", error_type="authentication")
            return handler(request)

        return checked


def _schema_of(body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the schema that a request asks for, in its format or in words."""
    asked = body.get("response_format")
    schema = (asked.get("json_schema") or {}).get("schema") if isinstance(asked, dict) else None
    return schema if isinstance(schema, dict) else schema_in(body["messages"])


def _unpaid() -> Refusal:
    return refuse(402, "Insufficient credits. Add more and try again.", error_type="payment_required")


def _effort(body: dict[str, Any]) -> str | None:
    """Return the effort of reasoning that a request names."""
    reasoning = body.get("reasoning")
    effort = reasoning.get("effort") if isinstance(reasoning, dict) else body.get("reasoning_effort")
    return effort if effort in REASONING_TOKENS else None
