"""The server's own OpenAPI description, made from its table of routes (docs/wire.md tells what it all means).

Describes every route, its parameters, bodies and answers; the header of a job's bundle is `JobRequest` of `request`.
A test compares the description with the routes, and ten thousand random requests are made from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

import colorizer
from colorizer.server import bundle
from colorizer.server.failures import Code
from colorizer.server.pairing import ROUTE as PAIRING
from colorizer.server.pairing import Wish
from colorizer.server.request import JobRequest

ROUTE = "/v1/openapi"
_REF = "#/components/schemas/"
_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}


@dataclass(frozen=True)
class _Body:
    media_type: str
    schema: dict[str, Any]


def _record(**fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": _REF + name}


_BINARY = {"type": "string", "format": "binary"}
_PROBLEM = _record(code=_TEXT, message=_TEXT)
_SCHEMAS: dict[str, dict[str, Any]] = {
    "Error": _record(ok={"const": False}, status={"type": "integer"}, code=_TEXT, message=_TEXT),
    "Health": _record(
        ok={"const": True},
        api={"type": "integer"},
        version=_TEXT,
        uptime_s={"type": "number"},
        worker={"enum": ["idle", "starting", "busy", "restarting"]},
        waiting=_COUNT,
        memory=_record(used=_COUNT, free=_COUNT),
    ),
    "Engines": _record(ok={"const": True}, engines={"type": "array", "items": {"type": "object"}}),
    "Status": _record(
        ok={"const": True},
        id={"type": "string", "pattern": "^[0-9a-f]{32}$"},
        state={"enum": ["queued", "running", "done", "failed", "cancelled"]},
        position=_COUNT,
        stage=_TEXT,
        done=_COUNT,
        total=_COUNT,
        preview=_COUNT,
        error=_or_null(_PROBLEM),
        seconds={"type": "number", "minimum": 0},
    ),
    "Task": _record(
        id=_TEXT,
        kind={"enum": ["download", "verify", "convert"]},
        model=_TEXT,
        state={"enum": ["running", "done", "failed", "stopped"]},
        stage=_TEXT,
        done=_COUNT,
        total=_COUNT,
        result=_or_null({"type": "object"}),
        error=_or_null(_PROBLEM),
    ),
    "TaskAnswer": _record(ok={"const": True}, task=_or_null(_ref("Task"))),
    "Models": _record(
        ok={"const": True},
        models={"type": "array", "items": {"type": "object"}},
        task=_or_null(_ref("Task")),
    ),
    "Paired": _record(ok={"const": True}, token=_TEXT, name=_TEXT, api={"type": "integer"}, version=_TEXT),
    "AcceptLicence": _record(accept_licence={"const": True}),
    "OwnModel": {
        "type": "object",
        "properties": {"path": _TEXT, "prediction": {"enum": ["", "epsilon", "v_prediction"]}},
        "required": ["path"],
        "additionalProperties": False,
    },
}

_JSON = "application/json"
_EVENTS = _Body("text/event-stream", _record(event={"const": "status"}, data=_TEXT))
_JOB_ID = {"name": "Colorize-Job", "in": "header", "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"}}
_PARAMETERS: dict[str, list[Any]] = {"/v1/jobs": [_JOB_ID]}
_BODIES = {
    ("POST", "/v1/jobs"): _Body(bundle.MEDIA_TYPE, _BINARY),
    ("POST", "/v1/edits"): _Body(bundle.MEDIA_TYPE, _BINARY),
    ("POST", "/v1/models"): _Body(_JSON, _ref("OwnModel")),
    ("POST", "/v1/models/{model}/download"): _Body(_JSON, _ref("AcceptLicence")),
    ("POST", PAIRING): _Body(_JSON, _ref("Wish")),
}
_ANSWERS = {
    "/v1/health": _Body(_JSON, _ref("Health")),
    "/v1/engines": _Body(_JSON, _ref("Engines")),
    ROUTE: _Body(_JSON, {"type": "object"}),
    "/v1/jobs/{job}/events": _EVENTS,
    "/v1/jobs/{job}/preview": _Body("image/png", _BINARY),
    "/v1/jobs/{job}/result": _Body(bundle.MEDIA_TYPE, _BINARY),
    "/v1/jobs": _Body(_JSON, _ref("Status")),
    "/v1/jobs/{job}": _Body(_JSON, _ref("Status")),
    "/v1/edits": _Body(bundle.MEDIA_TYPE, _BINARY),
    "/v1/models": _Body(_JSON, _ref("Models")),
    "/v1/models/{model}": _Body(_JSON, _ref("Models")),
    "/v1/task/events": _EVENTS,
    PAIRING: _Body(_JSON, _ref("Paired")),
}
_STATUS = {"/v1/jobs": 202, "/v1/models": 202, PAIRING: 201}


def describe(routes: Iterable[tuple[str, str, str]]) -> dict[str, Any]:
    """The document, OpenAPI 3.1. Each route is method, path (`/v1/jobs/{job}`) and a sentence about it."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path, summary in routes:
        paths.setdefault(path, {})[method.lower()] = _operation(method, path, summary)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Krita Colorize backend", "version": colorizer.__version__},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": _SCHEMAS | _of_model(JobRequest) | _of_model(Wish),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _of_model(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a model and those of its parts, by name."""
    schema = model.model_json_schema(ref_template=_REF + "{model}")
    return {**schema.pop("$defs", {}), model.__name__: schema}


def _operation(method: str, path: str, summary: str) -> dict[str, Any]:
    answer = _answer(method, path)
    status = _STATUS.get(path, 202 if path.startswith("/v1/models/") else 200) if method == "POST" else 200
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": {
            str(status): {"description": "Done.", "content": {answer.media_type: {"schema": answer.schema}}},
            "default": {
                "description": f"Refused: {', '.join(sorted(code.value[0] for code in Code))}.",
                "content": {_JSON: {"schema": _ref("Error")}},
            },
        },
    }
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    parameters: list[Any] = [
        {"name": name, "in": "path", "required": True, "schema": _TEXT} for name in names
    ]
    if method == "POST":
        parameters += _PARAMETERS.get(path, [])
    if parameters:
        operation["parameters"] = parameters
    body = _BODIES.get((method, path))
    if body:
        operation["requestBody"] = {"required": True, "content": {body.media_type: {"schema": body.schema}}}
    if path == PAIRING:
        operation["security"] = []
    return operation


def _answer(method: str, path: str) -> _Body:
    if path.startswith("/v1/task") and path != "/v1/task/events":
        return _Body(_JSON, _ref("TaskAnswer"))
    if method == "POST" and path.startswith("/v1/models"):
        return _Body(_JSON, _ref("TaskAnswer"))
    return _ANSWERS[path]
