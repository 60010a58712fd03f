"""One object for each home folder, shared by all windows of this Krita; it is closed with the last window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, TypeVar


class _Closing(Protocol):
    home: Path

    def close(self) -> None: ...

    def deleteLater(self) -> None: ...  # noqa: N802 - Qt's name


T = TypeVar("T", bound=_Closing)


class Shared(Generic[T]):
    """Creates and counts shared objects of one class, one for each home folder."""

    def __init__(self, make: Callable[[Path], T]) -> None:
        self._make = make
        self._used: dict[Path, tuple[T, int]] = {}

    def acquire(self, home: Path) -> T:
        """The object for this home folder, created at first use. The caller calls `release` in the end."""
        found, users = self._used.get(home) or (self._make(home), 0)
        self._used[home] = (found, users + 1)
        return found

    def release(self, found: T) -> None:
        """Ends the use of an object; the last user's call closes it."""
        _, users = self._used[found.home]
        if users > 1:
            self._used[found.home] = (found, users - 1)
            return
        del self._used[found.home]
        found.close()
        found.deleteLater()
