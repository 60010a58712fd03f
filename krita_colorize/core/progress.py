"""The progress of a job as one number, computed from the stages that the engine reports.

The number of stages isn't known beforehand, so every stage takes a fixed fraction of the remaining part. The number
never decreases and reaches 1 only at the end.
"""

from __future__ import annotations

_PREPARED = 0.05  # fraction when the pictures are read and packed
_SENT = 0.10
_COMPUTED = 0.92
_STAGE_SHARE = 0.35  # fraction of the remaining computation that one stage takes


class Progress:
    """Follows one job; `fraction` is 0..1."""

    def __init__(self) -> None:
        self.fraction = 0.0
        self._stage = ""
        self._start = _SENT
        self._end = _SENT

    def prepared(self) -> None:
        """Reports that the pictures are packed."""
        self._rise(_PREPARED)

    def sending(self, sent: int, total: int) -> None:
        """Reports the number of sent bytes of the request."""
        self._rise(_PREPARED + (_SENT - _PREPARED) * _share(sent, total))

    def stage(self, name: str, done: int, total: int) -> None:
        """Reports that the engine has finished `done` of `total` steps of a stage."""
        if name != self._stage:
            self._stage = name
            self._start = self._end
            self._end += (_COMPUTED - self._start) * _STAGE_SHARE
        self._rise(self._start + (self._end - self._start) * _share(done, total))

    def receiving(self, received: int, total: int) -> None:
        """Reports the number of received bytes of the result; `total` may be unknown (-1)."""
        self._rise(_COMPUTED + (1 - _COMPUTED) * 0.9 * _share(received, total))

    def finished(self) -> None:
        """Reports that the result is complete."""
        self._rise(1.0)

    def _rise(self, fraction: float) -> None:
        self.fraction = max(self.fraction, fraction)


def _share(done: int, total: int) -> float:
    return min(1.0, max(0.0, done / total)) if total > 0 else 0.0
