"""What every trainer shares: stopping cleanly, resuming exactly, and a log of figures.

Knows no network and no data.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from colorizer.errors import InvalidInput

CHECKPOINT_FILE = "checkpoint.pt"
LOG_FILE = "training.jsonl"


class StopSignal:
    """Says when to stop: after a time limit, or when the person or the system asks (SIGINT, SIGTERM)."""

    def __init__(self, limit_minutes: float) -> None:
        self._deadline = time.monotonic() + limit_minutes * 60
        self._asked = False

    @property
    def is_set(self) -> bool:
        """Whether to stop after this step."""
        return self._asked or time.monotonic() >= self._deadline

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Inside: SIGINT and SIGTERM stop after the running step. Only the main thread can listen."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        for number in before:
            signal.signal(number, self._on_signal)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._asked = True


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Writes the whole state of a training, whole or not at all."""
    part = folder / (CHECKPOINT_FILE + ".part")
    torch.save(state, part)
    os.replace(part, folder / CHECKPOINT_FILE)


def open_run(folder: Path, *, resume: bool) -> dict[str, Any] | None:
    """Makes the folder of a run and returns the checkpoint to go on from, or None for a new run.

    Raises:
        InvalidInput: there is a run in the folder and `resume` was not asked for, or the other way round.
    """
    checkpoint = folder / CHECKPOINT_FILE
    if checkpoint.exists() and not resume:
        raise InvalidInput(f"{folder} already holds a training. Add --resume to go on with it.")
    if resume and not checkpoint.exists():
        raise InvalidInput(f"{folder} holds no training to resume. Leave out --resume to start one.")
    folder.mkdir(parents=True, exist_ok=True)
    if not resume:
        return None
    state: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    return state


def log(folder: Path, **figures: float | int | str) -> None:
    """Appends one line of figures to the run's log."""
    with (folder / LOG_FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(figures) + "\n")
