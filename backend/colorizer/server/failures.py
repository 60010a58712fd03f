"""Every failure that leaves by HTTP: its code, its status and the one body they all share (docs/wire.md).

Errors of jobs (a job that failed is an answer, not a failure of the request) are in `colorizer.errors`.
"""

from __future__ import annotations

from enum import Enum
from http import HTTPStatus

from colorizer.errors import ColorizerError, InvalidInput


class Code(Enum):
    """What a client can tell refusals apart by; the value is (code, HTTP status)."""

    BAD_REQUEST = ("bad_request", 400)
    UNAUTHORIZED = ("unauthorized", 401)
    FORBIDDEN_HOST = ("forbidden_host", 403)
    FORBIDDEN_ORIGIN = ("forbidden_origin", 403)
    PAIRING_REFUSED = ("pairing_refused", 403)
    NOT_FROM_AFAR = ("not_from_afar", 403)
    UNKNOWN_ROUTE = ("unknown_route", 404)
    UNKNOWN_JOB = ("unknown_job", 404)
    UNKNOWN_TASK = ("unknown_task", 404)
    METHOD_NOT_ALLOWED = ("method_not_allowed", 405)
    TIMEOUT = ("timeout", 408)
    NOT_READY = ("not_ready", 409)
    TASK_RUNNING = ("task_running", 409)
    KNOWN_JOB = ("known_job", 409)
    TOO_LARGE = ("too_large", 413)
    UNSUPPORTED_MEDIA_TYPE = ("unsupported_media_type", 415)
    TOO_MANY_TRIES = ("too_many_tries", 429)
    QUEUE_FULL = ("queue_full", 429)
    INTERNAL = ("internal", 500)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.value[1]


class Refused(ColorizerError):
    """A request that gets no answer but an error body."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code.value[0]
        self.status = code.status


def status_of(error: ColorizerError) -> int:
    """The HTTP status of an error: its own, 422 for what the client sent, else 500."""
    if isinstance(error, Refused):
        return error.status
    unprocessable, internal = HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.INTERNAL_SERVER_ERROR
    return int(unprocessable if isinstance(error, InvalidInput) else internal)


def body(error: ColorizerError) -> dict[str, object]:
    """The body that every failing route answers with."""
    return {"ok": False, "status": status_of(error), "code": error.code, "message": str(error)}
