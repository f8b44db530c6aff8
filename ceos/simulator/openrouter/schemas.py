"""JSON objects that satisfy a schema, filled with prose where the names ask for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ceos.simulator.chance import number

#: Names of text fields and lists that hold a whole post.
_POSTS = {"text", "post", "cast", "content", "body", "message", "reply", "answer", "tweet", "caption", "draft"}
_LISTS = {"parts", "casts", "posts", "thread", "texts", "tweets"}


class Filler:
    """Fills one answer. `post` writes a text; `parts` are those of a thread, if the prompt asked for one."""

    def __init__(self, post: Callable[[], str], parts: list[str], topic: str, seed: object) -> None:
        self._post = post
        self._parts = parts
        self._topic = topic
        self._seed = seed

    def fill(self, schema: dict[str, Any], name: str = "", root: dict[str, Any] | None = None, place: str = "") -> Any:
        """A value for a schema of the simple kinds; `place` tells two fields of one name apart."""
        root = schema if root is None else root
        schema = _resolve(schema, root)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][self._n(name) % len(schema["enum"])]
        kind = _kind(schema)
        if kind == "object":
            inside = f"{place}{name}."
            return {key: self.fill(inner, key, root, inside) for key, inner in schema.get("properties", {}).items()}
        if kind == "array":
            return self._array(schema, name, root)
        return self._scalar(kind, schema, name, place)

    def _scalar(self, kind: str, schema: dict[str, Any], name: str, place: str) -> str | float | bool | None:
        if kind in {"integer", "number"}:
            return self._number(schema, f"{place.lstrip('.')}{name}", kind)
        if kind == "null":
            return None
        return True if kind == "boolean" else self._text(schema, name)

    def _array(self, schema: dict[str, Any], name: str, root: dict[str, Any]) -> list[Any]:
        items = schema.get("items", {"type": "string"})
        low, high = schema.get("minItems", 0), schema.get("maxItems", 100)
        if name in _LISTS and _kind(_resolve(items, root)) == "string":
            texts = list(self._parts[:high]) or [self._post()]
            return texts + [self._post() for _ in range(low - len(texts))]
        count = min(max(low, 2), high)
        return [self.fill(items, f"{name}{i}", root) for i in range(count)]

    def _number(self, schema: dict[str, Any], name: str, kind: str) -> float:
        default_high = 1 if kind == "number" else 10
        low: float = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        high: float = schema.get("maximum", schema.get("exclusiveMaximum", low + default_high))
        # The upper half: simulated scores are rarely low.
        value = low + (high - low) * (0.6 + self._n(name) % 30 / 100)
        return round(value) if kind == "integer" else round(value, 2)

    def _text(self, schema: dict[str, Any], name: str) -> str:
        if name in _POSTS:
            text = self._post()
        elif name == "topic":
            text = self._topic
        else:
            text = f"A {('calm', 'clear', 'warm', 'plain', 'curious')[self._n(name) % 5]} look at {self._topic}."
        return text[: schema.get("maxLength", len(text))].ljust(schema.get("minLength", 0), ".")

    def _n(self, name: str) -> int:
        return number(self._seed, name)


def _kind(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "null")
    if kind is None and "properties" in schema:
        return "object"
    return kind or "string"


def _resolve(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """Follow references within the schema and take the first alternative."""
    for _ in range(20):
        if reference := schema.get("$ref"):
            target: Any = root
            for step in reference.lstrip("#/").split("/"):
                target = target[step]
            schema = target
        elif alternatives := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
            schema = next((each for each in alternatives if each.get("type") != "null"), alternatives[0])
        else:
            break
    return schema
