"""The routes with their requests and answers. The server's handlers, the docs and OpenAPI are made from this table."""

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
"""A message, sent as JSON, or the media type of other content."""


@dataclass(frozen=True)
class Parameter:
    """One parameter in the query or in the headers."""

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
    "returns a token for a valid pairing code; only on servers for other machines, and the only route there"
    " without a token",
    answers.Paired,
    request.PairingWish,
    201,
    token=False,
)

ROUTES: tuple[Route, ...] = (
    Route("GET", "/v1/health", "health", "the state of the backend and its worker", answers.Health),
    Route("GET", "/v1/openapi", "openapi", "these routes as OpenAPI 3.1", JSON),
    Route(
        "GET",
        "/v1/engines",
        "engines",
        "the engines' capabilities and the table of options; waits until the worker has imported the engines",
        engines.EngineList,
    ),
    Route(
        "POST",
        "/v1/jobs",
        "submit",
        "queues a job, whose bundle is in the body or in shared memory; returns its status",
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
        "server-sent events: `event: status` with the job's status as `data:`; the first at once, then one at every"
        " change (at most 20 a second), the last when the job has ended; and a comment line every 10 s",
        EVENTS,
    ),
    Route(
        "GET",
        "/v1/jobs/{job}/preview",
        "preview",
        "the newest preview of the result with its lines, longest side <= 1024 px",
        PNG,
    ),
    Route("GET", "/v1/jobs/{job}/result", "result", "the result, see below", BUNDLE),
    Route(
        "DELETE",
        "/v1/jobs/{job}",
        "cancel",
        "cancels a waiting or running job or deletes an ended one; returns its status",
        answers.JobStatus,
    ),
    Route(
        "POST",
        "/v1/edits",
        "edit",
        'makes a palette edit at once, also while a job runs; see "Edit"',
        BUNDLE,
        BUNDLE,
    ),
    Route(
        "GET",
        "/v1/models",
        "models",
        "all models, and the running or last task",
        answers.ModelList,
    ),
    Route(
        "POST",
        "/v1/models",
        "bring",
        'converts a file or folder of this machine to a model, see "Models"',
        answers.TaskAnswer,
        request.OwnModel,
        202,
    ),
    Route(
        "POST",
        "/v1/models/{model}/download",
        "download",
        "downloads and installs a model and the models that it requires",
        answers.TaskAnswer,
        request.AcceptLicence,
        202,
    ),
    Route(
        "POST",
        "/v1/models/{model}/verify",
        "verify",
        "compares every file of a model with its hash from the installation",
        answers.TaskAnswer,
        status=202,
    ),
    Route(
        "DELETE",
        "/v1/models/{model}",
        "remove",
        "removes a model and its downloaded files; returns the list of models",
        answers.ModelList,
    ),
    Route("GET", "/v1/task", "task", "the running or last task", answers.TaskAnswer),
    Route(
        "GET",
        "/v1/task/events",
        "task_events",
        "the task's status as server-sent events, like a job's",
        EVENTS,
    ),
    Route(
        "DELETE",
        "/v1/task",
        "stop",
        "stops the task; a stopped download is resumed when it is started again",
        answers.TaskAnswer,
    ),
    PAIR,
)
"""All routes, with those of servers for other machines."""
