"""The parameters of a skill: the check of their JSON Schema, and of values against it.

The schema is untrusted, but it is checked and used in the trusted process. Therefore its size is limited, it may refer
neither to other documents nor to itself, and its patterns must be fast.
"""

from __future__ import annotations

import copy
import datetime as dt
import difflib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ceos.config.messages import clear_key, cut, dotted, shown
from ceos.config.toml import Location

#: A location and a sentence about the mistake there.
Finding = tuple[Location, str]

#: The number of subschemas; a reference counts as often as it is followed.
MAX_SCHEMA_NODES = 500
#: The schema of a skill that takes no parameters.
NO_PARAMS: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
#: Keywords that would load, name or find other schemas.
_ELSEWHERE = ("$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
#: The number of ways in which the bounded repetitions of a pattern may match a text: alone, and beside * or +.
MAX_PATTERN_WAYS = (1000, 8)

#: The expected value, by keyword.
_LIMITS = {
    "const": "{!r}",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} entries",
    "maxItems": "at most {} entries",
    "uniqueItems": "entries that differ",
    "pattern": "a string that matches {!r}",
}
_TYPES = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a table",
    "null": "null",
}


def schema_findings(schema: Mapping[str, Any]) -> list[Finding]:
    """Return the mistakes in the schema of a skill's parameters, each with its location in the schema."""
    if schema == NO_PARAMS:
        return []
    if schema.get("type") != "object":
        return [(("type",), 'expected type = "object"; parameters are a table.')]
    if schema.get("$schema", _DIALECT) != _DIALECT:
        return [(("$schema",), f"expected draft 2020-12 ({_DIALECT}), or no $schema at all.")]
    try:
        nodes = list(_walk(schema, schema, (), ()))
    except _Refused as refused:
        return [(refused.location, str(refused))]
    except RecursionError:
        return [((), "is nested too deeply.")]
    findings = [finding for location, node in nodes for finding in _refused_keywords(location, node)]
    return findings or _invalid(schema)


def value_problems(schema: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each mistake in parameters; it begins with the path of the parameter."""
    if schema == NO_PARAMS:
        return [f"params.{clear_key(name)}: unknown param; this skill takes none." for name in values]
    from jsonschema import Draft202012Validator, FormatChecker  # noqa: PLC0415  # costs 50 ms
    from referencing import Registry  # noqa: PLC0415

    formats = FormatChecker(formats=())
    formats.checks("uri")(_is_web_address)
    # The registry is empty because the default one would fetch the schemas that a schema refers to.
    validator = Draft202012Validator(schema, registry=Registry(), format_checker=formats)
    try:
        errors = sorted(validator.iter_errors(values), key=lambda error: [str(step) for step in error.absolute_path])
    except RecursionError:
        return ["params: nested too deeply."]
    return list(dict.fromkeys(sentence for error in errors for sentence in _sentences(error)))


def without(schema: Mapping[str, Any], fixed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema without the properties that are `fixed`."""
    rest = copy.deepcopy(dict(schema))
    rest["properties"] = {key: value for key, value in rest.get("properties", {}).items() if key not in fixed}
    rest["required"] = [key for key in rest.get("required", []) if key not in fixed]
    if not rest["required"]:
        del rest["required"]
    return rest


def plain(value: Any) -> Any:
    """Return data from TOML as JSON: dates become ISO strings, and tuples become lists."""
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


class _Refused(Exception):
    """A schema cannot be walked to its end."""

    def __init__(self, location: Location, sentence: str) -> None:
        super().__init__(sentence)
        self.location = location


def _walk(
    root: Mapping[str, Any], node: Any, location: Location, followed: tuple[str, ...], seen: list[int] | None = None
) -> Iterator[tuple[Location, Mapping[str, Any]]]:
    """Yield every table of a schema with references resolved; raises `_Refused` if they are too many or never end."""
    seen = [0] if seen is None else seen
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from _walk(root, item, (*location, index), followed, seen)
    if not isinstance(node, dict):
        return
    seen[0] += 1
    if seen[0] > MAX_SCHEMA_NODES:
        raise _Refused((), f"expected a schema of at most {MAX_SCHEMA_NODES} tables, references followed.")
    yield location, node
    for key, item in node.items():
        if key == "$ref" and isinstance(item, str):
            if item in followed:
                raise _Refused((*location, key), f"{item!r} refers to itself; a schema must come to an end.")
            yield from _walk(root, _referred(root, item, (*location, key)), (*location, key), (*followed, item), seen)
        elif key not in ("enum", "const", "default", "examples", "$defs"):
            yield from _walk(root, item, (*location, key), followed, seen)


def _referred(root: Mapping[str, Any], reference: str, location: Location) -> Any:
    """Return the target of a reference within the schema."""
    if not reference.startswith("#"):
        raise _Refused(location, f"expected a reference within this schema such as '#/$defs/name'; got {reference!r}.")
    node: Any = root
    for step in reference[1:].split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(node, dict) or key not in node:
            raise _Refused(location, f"there is no {reference!r} in this schema.")
        node = node[key]
    return node


def _refused_keywords(location: Location, node: Mapping[str, Any]) -> Iterator[Finding]:
    for key in _ELSEWHERE:
        if isinstance(node.get(key), str):
            yield (*location, key), f"{key} is not supported; put what is shared under $defs and refer to it with $ref."
    if isinstance(node.get("patternProperties"), dict):
        yield (*location, "patternProperties"), "patternProperties is not supported; name the properties."
    if isinstance(node.get("pattern"), str) and (wrong := _pattern_trouble(node["pattern"])):
        yield (*location, "pattern"), wrong


def _pattern_trouble(pattern: str) -> str:
    """Return the reason why a pattern is refused: excessive backtracking would block the whole worker."""
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"not a valid pattern: {error}."
    bare = re.sub(r"\\.", "c", pattern)
    bare = re.sub(r"\[\^?\]?[^\]]*\]", "c", bare)
    unbounded = len(re.findall(r"[*+]|\{\d*,\}", bare))
    ways = 2 ** bare.count("?")
    for least, most in re.findall(r"\{(\d*),(\d+)\}", bare):
        ways *= int(most) - int(least or 0) + 1
    if re.search(r"[()|]", bare) or unbounded > 1 or ways > MAX_PATTERN_WAYS[unbounded]:
        return (
            "expected a simple pattern: no groups, no alternatives, at most one of * and +, few and short repetitions; "
            "use enum for choices, or check the text in run()."
        )
    return ""


def _invalid(schema: Mapping[str, Any]) -> list[Finding]:
    from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415  # costs 50 ms

    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        place = tuple(error.absolute_path)
        wanted = _wanted(error)
        return [(place, f"not a valid JSON Schema: {wanted}")]
    except RecursionError:
        return [((), "is nested too deeply.")]
    return []


def _is_web_address(value: object) -> bool:
    return not isinstance(value, str) or re.match(r"https?://[^\s/?#]+", value) is not None


def _sentences(error: Any) -> Iterator[str]:
    """Yield sentences for one error of jsonschema."""
    path = dotted(("params", *error.absolute_path))
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = list(error.schema.get("properties", {}))
        for key in [key for key in error.instance if key not in known]:
            near = difflib.get_close_matches(key, known, n=1)
            hint = (
                f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}." if known else "there are none."
            )
            yield f"{path}.{clear_key(key)}: unknown param; {hint}"
    elif error.validator == "required":
        for key in [key for key in error.validator_value if key not in error.instance]:
            yield f"{path}.{clear_key(key)}: required param is missing."
    else:
        yield f"{path}: {_wanted(error)}"


def _wanted(error: Any) -> str:
    """Return a sentence with the expected and the actual value."""
    wanted = _expected(error)
    if wanted is None:
        return cut(" ".join(str(error.message).split()), 200) + "."
    return f"expected {wanted}; got {shown(error.instance)}."


def _expected(error: Any) -> str | None:
    """Return the expected value, for common keywords."""
    limit = error.validator_value
    match error.validator:
        case "type":
            kinds = [limit] if isinstance(limit, str) else limit
            return " or ".join(_TYPES.get(kind, str(kind)) for kind in kinds)
        case "enum":
            return "one of " + ", ".join(json.dumps(item, ensure_ascii=False) for item in limit)
        case "minLength" | "minItems" if limit == 1:
            return {"minLength": "a string that is not empty", "minItems": "at least one entry"}[error.validator]
        case "format":
            return "an address that begins with https:// or http://"
        case "anyOf" | "oneOf" if error.context:
            ways = [_expected(way) for way in error.context if way.instance is error.instance]
            known = list(dict.fromkeys(filter(None, ways)))
            return " or ".join(known) if known and len(ways) == len(error.context) else "one of several forms"
    form = _LIMITS.get(error.validator)
    return form.format(limit) if form else None
