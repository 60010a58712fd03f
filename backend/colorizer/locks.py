"""A lock on an open file, for one process at a time. The system releases it when the file is closed or the process
ends.
"""

from __future__ import annotations

import os
from typing import IO


def try_lock(file: IO[bytes]) -> bool:
    """Takes the lock until the file is closed. Returns False if another process has it.

    On a file system that doesn't support locks it always returns True, so that no process waits for ever.
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
