"""Describes the contract: OpenAPI, JSON schema, and the tables of docs/wire.md.

`python -m colorizer_lab.contract` writes the generated files; a test checks that they are up to date.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

import colorizer
from colorizer.imaging.roles import Blend, PlaceKind, Role
from colorizer.protocol import answers, engines, options, request, result
from colorizer.protocol.errors import Code
from colorizer.protocol.modes import Mode
from colorizer.protocol.routes import EVENTS, JSON, ROUTES, Content, Parameter, Route

MESSAGES: dict[str, tuple[type[Any], ...]] = {
    "request": (
        request.JobRequest,
        request.RedoBlobs,
        request.EarlierResult,
        request.DeliveredLayer,
        request.MadeFrom,
        request.DocumentLayer,
        request.PlacedBlob,
        options.Options,
    ),
    "health": (answers.Health, answers.MemoryUse),
    "status": (answers.JobStatus,),
    "engines": (engines.EngineInfo, engines.ModelInfo, options.Option),
    "result": (
        result.ResultHeader,
        result.LayerEntry,
        result.RedoAnswer,
        request.CheckEntry,
        request.PlaceEntry,
        result.RegionsEntry,
        result.RegionLabels,
    ),
    "edit": (request.EditRequest, request.EditedLayer, result.EditAnswer),
    "models": (answers.ModelEntry, answers.Licence, answers.TaskStatus),
}
"""The messages whose fields docs/wire.md lists, by the name of their table."""

_SENT = [
    engines.EngineList, answers.Health, answers.JobStatus, answers.ErrorBody, answers.Paired, answers.ModelList,
    answers.TaskAnswer, request.JobRequest, request.EditRequest, request.AcceptLicence, request.PairingWish,
    request.OwnModel, result.ResultHeader, result.EditAnswer,
]  # fmt: skip
_ENUMS = {
    kind.__name__: {"enum": [member.value for member in kind]}
    for kind in (Mode, Role, Blend, PlaceKind, answers.JobState, answers.ModelState, answers.TaskState)
}
_REF = "#/components/schemas/"
_START, _END = "<!-- made of the contract: {name} -->", "<!-- end -->"


def schemas() -> dict[str, Any]:
    """The JSON schema of every message, by name."""
    modes: list[Any] = [(model, "validation") for model in _SENT]
    _, found = models_json_schema(modes, by_alias=True, ref_template=_REF + "{model}")
    return dict(found["$defs"])


def openapi(routes: Iterable[Route] = ROUTES) -> dict[str, Any]:
    """The server's description, OpenAPI 3.1."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Krita Colorize backend", "version": colorizer.__version__},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    names = re.findall(r"{(\w+)}", route.path)
    parameters = [
        *(Parameter(name, "path", {"type": "string"}, required=True) for name in names),
        *route.parameters,
    ]
    operation: dict[str, Any] = {
        "summary": route.words,
        "responses": {
            str(route.status): {"description": "Done.", "content": _content(route.answer)},
            "default": {
                "description": f"Refused: {', '.join(sorted(code.value[0] for code in Code))}.",
                "content": _content(answers.ErrorBody),
            },
        },
    }
    if parameters:
        operation["parameters"] = [
            {
                "name": one.name,
                "in": one.place,
                "required": one.required,
                "schema": one.schema,
            }
            for one in parameters
        ]
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(route.body)}
    if not route.token:
        operation["security"] = []
    return operation


def _content(content: Content) -> dict[str, Any]:
    if content == EVENTS:
        return {EVENTS: {"schema": {"type": "object"}}}
    if content == JSON:
        return {JSON: {"schema": {"type": "object"}}}
    if isinstance(content, str):
        return {content: {"schema": {"type": "string", "format": "binary"}}}
    assert content is not None
    return {JSON: {"schema": {"$ref": _REF + content.__name__}}}


def tables() -> dict[str, str]:
    """The tables of docs/wire.md in Markdown, by name."""
    found = {"errors": _errors(), "routes": _routes(), "options": _options()}
    return found | {name: "\n\n".join(map(_fields, models)) for name, models in MESSAGES.items()}


def filled(page: str) -> str:
    """The page with its tables generated. Raises `KeyError` for an unknown table."""
    known = tables()

    def table(match: re.Match[str]) -> str:
        return f"{_START.format(name=match[1])}\n{known[match[1]]}\n{_END}"

    return re.sub(_START.format(name=r"(\w+)") + r"\n.*?" + _END, table, page, flags=re.DOTALL)


def _errors() -> str:
    rows = (f"| `{code}` | {status} | {when} |" for code, status, when in (code.value for code in Code))
    return "\n".join(["| code | status | when |", "|---|---|---|", *rows])


def _routes() -> str:
    rows = []
    for route in ROUTES:
        path = route.path.replace("{job}", "ID").replace("{model}", "NAME")
        status = f"{route.status}, " if route.status != 200 else ""
        rows.append(f"| `{route.method} {path}` | {status}{_name(route.answer)} | {route.words} |")
    return "\n".join(["| route | answers | what it does |", "|---|---|---|", *rows])


def _name(content: Content) -> str:
    if content is None or isinstance(content, str):
        return f"`{content}`"
    return content.__name__


def _options() -> str:
    rows = ["| option | default | range | what the artist reads |", "|---|---|---|---|"]
    for option in options.table():
        allowed = f"{_number(option.low)} .. {_number(option.high)}" if option.low is not None else ""
        allowed = ", ".join(choice.value for choice in option.choices) or allowed
        words = f"{option.title}: {option.tooltip}".replace("\n", " ")
        rows.append(f"| `{option.name}` | {_number(option.default)} | {allowed} | {words} |")
    return "\n".join(rows)


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else json.dumps(value)


def _fields(model: type[Any]) -> str:
    """The fields of one message."""
    title = (model.__doc__ or "").strip().splitlines()[0]
    lines = [f"**{model.__name__}**: {title}", "", "| field | type | default | |", "|---|---|---|---|"]
    schema = TypeAdapter(model).json_schema(by_alias=True, ref_template="{model}")
    required = schema.get("required", [])
    for name, field in schema["properties"].items():
        default = "" if name in required else _default(field.get("default"))
        words = field.get("description", "").replace("\n", " ")
        lines.append(f"| `{name}` | {' or '.join(_types(field))} | {default} | {words} |")
    return "\n".join(lines)


def _default(value: object) -> str:
    return "" if isinstance(value, (dict, list)) else f"`{_number(value)}`"


def _types(field: dict[str, Any]) -> Iterator[str]:
    """The names of a field's types, with their limits."""
    for found in field.get("anyOf", [field]):
        one = _ENUMS.get(found.get("$ref", ""), found)
        if "$ref" in one:
            yield one["$ref"]
        elif "const" in one:
            yield f"`{json.dumps(one['const'])}`"
        elif "enum" in one:
            yield ", ".join(f"`{value}`" for value in one["enum"])
        elif one.get("type") == "array":
            yield f"list of {' or '.join(_types(one['items']))}"
        else:
            low, high = (one.get(key) for key in ("minimum", "maximum"))
            limits = "" if low is None else f" >= {low:g}" if high is None else f" {low:g} .. {high:g}"
            yield one.get("type", "any") + limits
