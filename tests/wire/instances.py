"""Values that the contract's JSON schema allows, drawn at random. Knows as much of it as pydantic writes."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from pydantic import TypeAdapter


def instances(model: type[Any]) -> st.SearchStrategy[Any]:
    """JSON values that this message may have."""
    schema = TypeAdapter(model).json_schema(by_alias=True)
    return _of(schema, schema.get("$defs", {}))


def _of(schema: dict[str, Any], known: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return _of(known[schema["$ref"].rpartition("/")[2]], known)
    if "anyOf" in schema:
        return st.one_of(*(_of(one, known) for one in schema["anyOf"]))
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return _of_type(schema, known)


def _of_type(schema: dict[str, Any], known: dict[str, Any]) -> st.SearchStrategy[Any]:
    match schema["type"]:
        case "object":
            properties = schema.get("properties", {})
            return st.fixed_dictionaries({name: _of(one, known) for name, one in properties.items()})
        case "array":
            return st.lists(_of(schema["items"], known), max_size=min(3, schema.get("maxItems", 3)))
        case "string":
            pattern = schema.get("pattern")
            return st.from_regex(pattern, fullmatch=True) if pattern else st.text(max_size=12)
        case "integer":
            return st.integers(schema.get("minimum"), schema.get("maximum"))
        case "number":
            return st.floats(
                schema.get("minimum"), schema.get("maximum"), allow_nan=False, allow_infinity=False
            )
        case kind:
            return {"boolean": st.booleans(), "null": st.none()}[kind]
