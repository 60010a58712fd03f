"""The errors that users see. Every message says what is wrong and what to do, in one or two plain sentences.

They are independent of HTTP and Qt: the server maps `code` to a status, the command line prints the message and exits
with status 1.
"""


class ColorizerError(Exception):
    """Base of all errors that users see; `code` is stable and machine-readable."""

    code = "failed"


class InvalidInput(ColorizerError):
    """The input can't be used; the message says why and what would work."""

    code = "invalid_input"


class UnreadablePicture(InvalidInput):
    """A picture file is broken, empty, of an unknown format or too large."""

    code = "unreadable_picture"


class NothingToColour(InvalidInput):
    """The sketch contains no lines."""

    code = "nothing_to_colour"


class NothingChanged(InvalidInput):
    """A result was to be updated, but none of the layers or settings has changed since."""

    code = "nothing_changed"


class UnusableModel(InvalidInput):
    """A model file can't be converted: it is damaged, incomplete or of another kind."""


class UnknownEngine(InvalidInput):
    """There is no engine or model of that name."""

    code = "unknown_engine"


class OutOfMemory(ColorizerError):
    """The machine doesn't have enough memory for the job."""

    code = "out_of_memory"


class Cancelled(ColorizerError):
    """The user cancelled the job."""

    code = "cancelled"


class MissingModel(ColorizerError):
    """The weights that an engine needs aren't installed or can't be read."""

    code = "missing_model"


class DownloadFailed(ColorizerError):
    """A download was refused or failed."""

    code = "download_failed"
