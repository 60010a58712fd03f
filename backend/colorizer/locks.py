"""A lock on an open file: one process has it, and the system lets it go when its holder closes the file or dies."""

from __future__ import annotations

import os
from typing import IO


def try_lock(file: IO[bytes]) -> bool:
    """Takes the lock, which ends with the file; False where another process has it.

    On a file system without locks everybody gets it: nobody must wait for ever because of where the home lies.
    """
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True
