"""JSON from a language model: the schema for it, and the object in its answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

_T = TypeVar("_T", bound=BaseModel)

#: Places where an object may begin that are tried; text with more braces than that is not an answer.
MAX_STARTS = 50

# Hosts refuse constraints that their grammars cannot enforce (lengths, ranges, patterns); pydantic checks them later.
_KEYWORDS = frozenset({"type", "description", "enum", "const", "items", "anyOf", "$ref", "$defs", "properties"})

_decoder = json.JSONDecoder()


def response_format(schema: type[BaseModel]) -> dict[str, Any]:
    """Return the `response_format` that asks for an object of this model."""
    # The vendor's names have at most 64 of these characters; a generic model's has brackets.
    name = re.sub(r"[^A-Za-z0-9_-]", "_", schema.__name__)[:64]
    return {
        "type": "json_schema",
        "json_schema": {"name": name, "strict": True, "schema": strict(schema.model_json_schema())},
    }


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON schema as strict mode wants it: every property required, no others, simple keywords only.

    A mapping with free keys cannot be said in strict mode and comes out as an empty object.
    """
    renamed = {"anyOf" if key == "oneOf" else key: value for key, value in schema.items()}
    # A reference suffers no neighbours.
    wanted = {"$ref", "$defs"} if "$ref" in schema else _KEYWORDS
    kept = {key: value for key, value in renamed.items() if key in wanted}
    for key in ("properties", "$defs"):
        if key in kept:
            kept[key] = {name: strict(value) for name, value in kept[key].items()}
    if "items" in kept:
        kept["items"] = strict(kept["items"])
    if "anyOf" in kept:
        kept["anyOf"] = [strict(value) for value in kept["anyOf"]]
    if kept.get("type") == "object":
        kept["properties"] = kept.get("properties", {})
        kept["required"] = list(kept["properties"])
        kept["additionalProperties"] = False
    return kept


def find(schema: type[_T], text: str) -> _T:
    """Return the first object in `text` that fits, also out of a code fence or from between prose.

    Raises `ValueError` with one line for everything that is wrong with the first object, or says that there is none.
    """
    problem = "there is no JSON object in the answer"
    is_first = True
    for found in _objects(text):
        try:
            return schema.model_validate_json(found)
        except ValidationError as error:
            if is_first:
                problem = "\n".join(_words(item) for item in error.errors(include_url=False, include_input=False))
            is_first = False
    raise ValueError(problem)


def _words(item: Any) -> str:
    return f"{'.'.join(map(str, item['loc'])) or 'the object'}: {item['msg']}"


def _objects(text: str) -> Iterator[str]:
    start = text.find("{")
    for _ in range(MAX_STARTS):
        if start < 0:
            return
        try:
            _, end = _decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            yield text[start:end]
        start = text.find("{", end)
