"""The error codes of refused requests, each with its HTTP status and when it occurs."""

from __future__ import annotations

from enum import Enum


class Code(Enum):
    """The value is (code, HTTP status, when)."""

    BAD_REQUEST = ("bad_request", 400, "not an HTTP request, or its head is longer than 16 KiB")
    UNAUTHORIZED = ("unauthorized", 401, "token missing or wrong")
    FORBIDDEN_HOST = ("forbidden_host", 403, "wrong `Host`")
    FORBIDDEN_ORIGIN = ("forbidden_origin", 403, "any `Origin`, or `Sec-Fetch-Site` other than `none`")
    PAIRING_REFUSED = ("pairing_refused", 403, "the pairing code is wrong, used or older than ten minutes")
    NOT_FROM_AFAR = ("not_from_afar", 403, "models can't be changed from another machine")
    UNKNOWN_ROUTE = ("unknown_route", 404, "")
    UNKNOWN_JOB = ("unknown_job", 404, "")
    UNKNOWN_TASK = ("unknown_task", 404, "")
    METHOD_NOT_ALLOWED = ("method_not_allowed", 405, "")
    TIMEOUT = ("timeout", 408, "the body was sent too slowly")
    NOT_READY = (
        "not_ready",
        409,
        "there is no result or preview yet; or the process for engines or edits doesn't start in time",
    )
    TASK_RUNNING = ("task_running", 409, "another change of the models is running")
    KNOWN_JOB = ("known_job", 409, "a job with this `Colorize-Job` was sent before")
    TOO_LARGE = ("too_large", 413, "the body or a picture exceeds the limits")
    UNSUPPORTED_MEDIA_TYPE = (
        "unsupported_media_type",
        415,
        "neither `application/vnd.colorize.bundle` nor `application/vnd.colorize.memory+json`",
    )
    INVALID_BUNDLE = ("invalid_bundle", 422, "not a valid bundle; the message names the violated rule")
    INVALID_REQUEST = ("invalid_request", 422, "the message names the field and the rule")
    UNREADABLE_PICTURE = ("unreadable_picture", 422, "a picture is broken")
    UNKNOWN_ENGINE = ("unknown_engine", 422, "the message names the most similar engine")
    TOO_MANY_TRIES = ("too_many_tries", 429, "more than ten requests to be paired within a minute")
    QUEUE_FULL = ("queue_full", 429, "too many jobs, edits or bytes are waiting")
    INTERNAL = ("internal", 500, "an error in the program; the details are in the log")

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.value[1]
