"""The routes: what each one takes and gives. The server's handlers, the docs and OpenAPI follow this table."""

from __future__ import annotations

from dataclasses import dataclass

from colorizer.protocol import answers, engines, request
from colorizer.protocol.base import Message

BUNDLE = "application/vnd.colorize.bundle"
MEMORY = "application/vnd.colorize.memory+json"
EVENTS = "text/event-stream"
PNG = "image/png"
JSON = "application/json"

Content = type[Message] | str | None
"""A message as JSON, or the media type of anything else."""


@dataclass(frozen=True)
class Parameter:
    """One value in the query or among the headers."""

    name: str
    place: str
    schema: dict[str, object]
    required: bool = False


@dataclass(frozen=True)
class Route:
    """One method of one path; `handler` is the name of the server's function."""

    method: str
    path: str
    handler: str
    words: str
    answer: Content
    body: Content = None
    status: int = 200
    parameters: tuple[Parameter, ...] = ()
    token: bool = True


PAIR = Route(
    "POST",
    "/v1/pair",
    "pair",
    "a token for the right code; on servers for other machines, the one route without a token",
    answers.Paired,
    request.PairingWish,
    201,
    token=False,
)

ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/v1/health", "health", "whether the backend is there and what its worker does", answers.Health
    ),
    Route("GET", "/v1/openapi", "openapi", "all of these routes as OpenAPI 3.1", JSON),
    Route(
        "GET",
        "/v1/engines",
        "engines",
        "what the engines can do, and the table of options; waits while the worker still imports them",
        engines.EngineList,
    ),
    Route(
        "POST",
        "/v1/jobs",
        "submit",
        "queues the job in a bundle, which comes in the body or in memory; its status",
        answers.JobStatus,
        BUNDLE,
        202,
        (Parameter("Colorize-Job", "header", {"type": "string", "pattern": "^[0-9a-f]{32}$"}),),
    ),
    Route("GET", "/v1/jobs/{job}", "status", "the job's status", answers.JobStatus),
    Route(
        "GET",
        "/v1/jobs/{job}/events",
        "events",
        "server-sent events: `event: status`, `data:` the job's status; the first one at once, one at every change (at"
        " most 20 a second), the last one when the job ended; a comment line every 10 s",
        EVENTS,
    ),
    Route(
        "GET",
        "/v1/jobs/{job}/preview",
        "preview",
        "longest side <= 1024 px: the newest picture of how it will look, lines included",
        PNG,
    ),
    Route("GET", "/v1/jobs/{job}/result", "result", "the result, see below", BUNDLE),
    Route(
        "DELETE",
        "/v1/jobs/{job}",
        "cancel",
        "cancels a waiting or running job, forgets an ended one; its status",
        answers.JobStatus,
    ),
    Route(
        "POST",
        "/v1/edits",
        "edit",
        'makes a palette edit at once, whatever job runs: see "Edit"',
        BUNDLE,
        BUNDLE,
    ),
    Route(
        "GET",
        "/v1/models",
        "models",
        "every model there is, and the task that runs or ran last",
        answers.ModelList,
    ),
    Route(
        "POST",
        "/v1/models",
        "bring",
        'makes a model of a file or folder of this machine, see "Models"',
        answers.TaskAnswer,
        request.OwnModel,
        202,
    ),
    Route(
        "POST",
        "/v1/models/{model}/download",
        "download",
        "downloads and installs a model and what it needs",
        answers.TaskAnswer,
        request.AcceptLicence,
        202,
    ),
    Route(
        "POST",
        "/v1/models/{model}/verify",
        "verify",
        "compares every file with its hash from the installation",
        answers.TaskAnswer,
        status=202,
    ),
    Route(
        "DELETE",
        "/v1/models/{model}",
        "remove",
        "removes a model and what was downloaded of it; the list afterwards",
        answers.ModelList,
    ),
    Route("GET", "/v1/task", "task", "the task that runs or ran last", answers.TaskAnswer),
    Route("GET", "/v1/task/events", "task_events", "that task as server-sent events, like a job's", EVENTS),
    Route(
        "DELETE",
        "/v1/task",
        "stop",
        "stops the task; a download goes on from there when it is started again",
        answers.TaskAnswer,
    ),
    PAIR,
)
"""Those of servers for other machines included."""
