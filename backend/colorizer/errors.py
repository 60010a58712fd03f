"""The errors that people read. Every message says what is wrong and what to do, in one or two plain sentences.

Nothing here knows HTTP or Qt: the server maps `code` to a status, the command line prints the message and exits 1.
"""


class ColorizerError(Exception):
    """Base of everything a person may be told; `code` is stable and machine-readable."""

    code = "failed"


class InvalidInput(ColorizerError):
    """What was handed in can't be used: the message says why and what would work."""

    code = "invalid_input"


class UnreadablePicture(InvalidInput):
    """A picture file that is broken, empty, of an unknown kind or beyond the limits."""

    code = "unreadable_picture"


class NothingToColour(InvalidInput):
    """The sketch holds no lines."""

    code = "nothing_to_colour"


class NothingChanged(InvalidInput):
    """A repair of a result since which nothing was changed."""

    code = "nothing_changed"


class UnusableModel(InvalidInput):
    """A model file that can't be converted: damaged, incomplete or of another kind."""


class UnknownEngine(InvalidInput):
    """No engine or model of that name."""

    code = "unknown_engine"


class OutOfMemory(ColorizerError):
    """The machine had not enough memory for this job."""

    code = "out_of_memory"


class Cancelled(ColorizerError):
    """The job was cancelled by the person who started it."""

    code = "cancelled"


class MissingModel(ColorizerError):
    """The weights an engine needs are not there or can't be read."""

    code = "missing_model"


class DownloadFailed(ColorizerError):
    """A download that was refused, or that came to nothing."""

    code = "download_failed"
