"""Help for failures that aren't the artist's fault: their causes, and the text for each.

Errors that the artist can fix at once (no reference, no memory for this size) are one sentence in the docker instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Cause(Enum):
    """Which process ended, and how."""

    KILLED = "killed"  # the engine, by the system
    ENDED = "ended"  # the engine, by itself
    NOT_STARTED = "not started"  # the engine, before it could be used
    WORKER = "worker"  # the process that computes; the engine has another one already
    FAULT = "fault"  # a bug of ours, in the docker or in the engine


@dataclass(frozen=True)
class FailureHelp:
    """A failure's cause, and the sentence that the docker shows."""

    cause: Cause
    sentence: str


OF_JOBS = {"worker_died": Cause.WORKER, "internal": Cause.FAULT}
"""The causes behind the codes of failed jobs (docs/wire.md)."""

TITLES = {
    Cause.KILLED: "The system ended the colour engine",
    Cause.ENDED: "The colour engine ended by itself",
    Cause.NOT_STARTED: "The colour engine doesn't start",
    Cause.WORKER: "The colour engine lost this job",
    Cause.FAULT: "Something is wrong in Krita Colorize",
}

_LESS_MEMORY = (
    "Close other programs that take much memory, such as a browser. Smaller pictures take less, too."
)
_REPAIR = "If it happens again, open Set up… and press Repair or Install. Models, results and settings stay."
_HELPER = "If nothing helps, save the diagnostics file and show it to the person who helps you."

ADVICE = {
    Cause.KILLED: (_LESS_MEMORY, "Press Restart, then press Colorize.", _HELPER),
    Cause.ENDED: ("Press Restart, then press Colorize.", _REPAIR, _HELPER),
    Cause.NOT_STARTED: (
        "Press Restart. A computer that has just been switched on may need a second try.",
        _REPAIR,
        "Full disks and virus scanners keep programs from starting.",
        _HELPER,
    ),
    Cause.WORKER: (
        "Press Colorize again: the colour engine is ready.",
        _LESS_MEMORY,
        "If it happens again, choose another engine or model, or update the graphics driver.",
        _HELPER,
    ),
    Cause.FAULT: (
        "Press Colorize again. If it happens again, restart Krita.",
        _HELPER,
    ),
}

KEPT = "Your picture, its layers and all settings are unchanged. The results stay in the list, too."
"""The sentence on what every failure leaves unchanged; jobs only read the picture."""
