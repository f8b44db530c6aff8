"""Random answers that a vendor's specification allows: optional fields may be absent, strings are free-form."""

from __future__ import annotations

import random
import string
from collections.abc import Mapping
from typing import Any

#: Schemas refer to themselves (a cast quotes casts); deeper than this, only what is required is made.
MAX_DEPTH = 9

_ODD = ("", " ", "0x", "ä", "\u2028", "null", "-1", "https://a.example/x")


class ValidAnswers:
    """Makes answers for the operations of an OpenAPI document."""

    def __init__(self, document: Mapping[str, Any], seed: int) -> None:
        self._document = document
        self._random = random.Random(seed)

    def answer(self, path: str, method: str = "get") -> Any:
        """Return a valid body of the operation's answer with status 200."""
        content = self._document["paths"][path][method]["responses"]["200"]["content"]
        return self.value(content["application/json"]["schema"])

    def value(self, schema: Mapping[str, Any], depth: int = 0) -> Any:
        """Return a value that a schema allows."""
        schema = self._resolved(schema)
        if schema.get("nullable") and self._random.random() < 0.2:
            return None
        for word in ("oneOf", "anyOf"):
            if word in schema:
                return self.value(self._random.choice(schema[word]), depth + 1)
        if "allOf" in schema:
            parts = [self.value(part, depth + 1) for part in schema["allOf"]]
            parts.append(self.value({key: item for key, item in schema.items() if key not in ("allOf", "nullable")}))
            merged = {key: item for part in parts if isinstance(part, dict) for key, item in part.items()}
            return merged or parts[0]
        if "enum" in schema:
            return self._random.choice(schema["enum"])
        kinds = schema.get("type", "object" if "properties" in schema else "string")
        kind = self._random.choice(kinds) if isinstance(kinds, list) else kinds
        return getattr(self, f"_{kind}")(schema, depth)

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in schema:
            found: Any = self._document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            schema = found
        return schema

    def _null(self, *_: Any) -> None:
        return None

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        required = set(schema.get("required", ()))
        chance = 0.7 if depth < MAX_DEPTH else 0.0
        return {
            name: self.value(item, depth + 1)
            for name, item in schema.get("properties", {}).items()
            if name in required or self._random.random() < chance
        }

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        most = 2 if depth < MAX_DEPTH else 0
        size = max(schema.get("minItems", 0), self._random.randint(0, most))
        return [self.value(schema.get("items", {}), depth + 1) for _ in range(size)]

    def _boolean(self, *_: Any) -> bool:
        return self._random.random() < 0.5

    def _integer(self, schema: Mapping[str, Any], _depth: int) -> int:
        low = int(schema.get("minimum", -5))
        return self._random.choice([low, low + 1, self._random.randint(low, int(schema.get("maximum", low + 10**9)))])

    def _number(self, schema: Mapping[str, Any], depth: int) -> float:
        whole = self._integer(schema, depth)
        return self._random.choice([whole, min(whole + 0.5, schema.get("maximum", whole + 0.5))])

    def _string(self, schema: Mapping[str, Any], _depth: int) -> str:
        match schema.get("format"):
            case "date-time":
                return self._random.choice(["2026-03-02T09:00:00.000Z", "2026-03-02T09:00:00+02:00"])
            case "uuid":
                return "00000000-0000-4000-8000-000000000042"
            case "uri":
                return "https://a.example/x"
        if pattern := schema.get("pattern"):
            return self._matching(pattern)
        free = "".join(self._random.choices(string.ascii_letters + "0123456789 \n", k=self._random.randint(1, 12)))
        return self._random.choice([*_ODD, free])

    def _matching(self, pattern: str) -> str:
        """Return a string for the few patterns of these documents: hex of a length."""
        digits = next(
            (int(part.split("}")[0].split(",")[-1]) for part in pattern.split("{")[1:] if part[0].isdigit()), 40
        )
        return "0x" + "".join(self._random.choices("0123456789abcdef", k=digits))
