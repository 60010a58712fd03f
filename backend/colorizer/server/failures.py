"""The HTTP errors: their codes, their status and their common body (docs/wire.md).

The errors of jobs are in `colorizer.errors`: the request for the status of a failed job succeeds.
"""

from __future__ import annotations

from http import HTTPStatus

from colorizer.errors import ColorizerError, InvalidInput
from colorizer.protocol.answers import ErrorBody
from colorizer.protocol.errors import Code


class Refused(ColorizerError):
    """The request is refused with an error body."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code.value[0]
        self.status = code.status


def status_of(error: ColorizerError) -> int:
    """The HTTP status of an error: its own, 422 for invalid input, otherwise 500."""
    if isinstance(error, Refused):
        return error.status
    unprocessable, internal = HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.INTERNAL_SERVER_ERROR
    return int(unprocessable if isinstance(error, InvalidInput) else internal)


def body(error: ColorizerError) -> dict[str, object]:
    """The body of an error answer."""
    return ErrorBody(status=status_of(error), code=error.code, message=str(error)).model_dump()
