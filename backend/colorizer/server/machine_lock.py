"""The machine lock: only one job computes at a time on this machine, across all backends of the user.

Each Krita starts its own backend. Two models running at once would compete for memory and be slower than one after
another. It is a lock on a file in the user's folder, which the system releases when its holder ends.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from colorizer import paths
from colorizer.engines.base import Report
from colorizer.locks import try_lock

STAGE = "Waiting for another Krita"

_LOOK_S = 0.1


@contextmanager
def taken(report: Report) -> Iterator[None]:
    """Waits for the lock, which is reported as a stage, and holds it during the `with` block.

    Does nothing if files can't be locked. Raises `Cancelled`.
    """
    try:
        paths.home().mkdir(parents=True, exist_ok=True)
        file = (paths.home() / "turn.lock").open("a+b")
    except OSError:
        yield
        return
    with file:
        while not try_lock(file):
            report.stage(STAGE)  # raises `Cancelled` if the job was cancelled
            time.sleep(_LOOK_S)
        yield
