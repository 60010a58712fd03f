"""Every failure that leaves by HTTP: its code, its status and the one body they all share (docs/wire.md).

Errors of jobs (a job that failed is an answer, not a failure of the request) are in `colorizer.errors`.
"""

from __future__ import annotations

from http import HTTPStatus

from colorizer.errors import ColorizerError, InvalidInput
from colorizer.protocol.answers import ErrorBody
from colorizer.protocol.errors import Code


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
    return ErrorBody(status=status_of(error), code=error.code, message=str(error)).model_dump()
