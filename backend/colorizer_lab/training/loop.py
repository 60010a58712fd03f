"""The training loop shared by all trainers: clean stops, exact resuming, atomic checkpoints, a log of metrics.

It is independent of networks and data.
"""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import torch
from colorizer.errors import ColorizerError, InvalidInput
from colorizer.files import write_atomically
from safetensors import SafetensorError

CHECKPOINT_FILE = "checkpoint.pt"
LOG_FILE = "training.jsonl"
PART = ".part"
OLD = ".old"


@dataclass(frozen=True)
class TrainingProgress:
    """The progress of a training."""

    step: int
    steps: int
    losses: dict[str, float]
    """Running means of the losses by name."""


@dataclass(frozen=True)
class Pace:
    """The number of steps, and how often to log and to save."""

    steps: int
    log_every: int
    save_every: int


class Training(Protocol):
    """The interface of a training run."""

    step: int
    losses: dict[str, float]

    def advance(self) -> None:
        """Runs one step."""

    def figures(self) -> dict[str, Any]:
        """One line of the log."""

    def save(self, out: Path) -> None:
        """Writes the checkpoint and the product."""


class Descent:
    """Base class of trainings with one optimiser: step counter, running losses, and the optimiser step."""

    def __init__(self) -> None:
        self.step = 0
        self.losses: dict[str, float] = {}

    def figures(self) -> dict[str, Any]:
        """One line of the log."""
        return {"step": self.step, **self.losses}

    def descend(self, optimiser: torch.optim.Optimizer, name: str, loss: torch.Tensor) -> None:
        """Runs one step of the optimiser; with a non-finite loss, only the step counter is increased."""
        self.step += 1
        if not torch.isfinite(loss):
            return
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        follow(self.losses, name, loss.item())


class StopSignal:
    """Signals when to stop: after a time limit, or on SIGINT or SIGTERM."""

    def __init__(self, limit_minutes: float = math.inf) -> None:
        self._deadline = time.monotonic() + limit_minutes * 60
        self._asked = False

    @property
    def is_set(self) -> bool:
        """Whether to stop after this step."""
        return self._asked or time.monotonic() >= self._deadline

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Context in which SIGINT and SIGTERM stop the training after the current step. For the main thread only."""
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


def run(
    training: Training,
    out: Path,
    pace: Pace,
    stop: StopSignal,
    progress: Callable[[TrainingProgress], None] = lambda _: None,
) -> None:
    """Trains until the last step or until `stop` is set, and saves at the end in any case."""
    with stop.listening():
        while training.step < pace.steps and not stop.is_set:
            training.advance()
            if training.step % pace.log_every == 0:
                log(out, **training.figures())
                progress(TrainingProgress(training.step, pace.steps, dict(training.losses)))
            if training.step % pace.save_every == 0:
                training.save(out)
    training.save(out)


def follow(losses: dict[str, float], name: str, loss: float) -> None:
    """Updates a running mean with a weight of 1/50."""
    losses[name] = 0.98 * losses.get(name, loss) + 0.02 * loss


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Context that converts a full disk to a `ColorizerError`; torch and safetensors raise errors of their own."""
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        cause = error if isinstance(error, OSError) else error.__context__
        if isinstance(cause, OSError):
            full = cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            reason = "the disk is full" if full else str(cause.strerror)
        elif "write" in str(error) or "I/O error" in str(error):
            reason = "the disk is full or can't be reached"
        else:
            raise
        raise ColorizerError(
            f"The training can't be written to {out}: {reason}. The last checkpoint is intact: free some disk space,"
            " then continue with --resume."
        ) from error


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Writes the checkpoint of a training atomically."""
    part = folder / (CHECKPOINT_FILE + PART)
    with writing(folder):
        try:
            with part.open("wb") as file:
                torch.save(state, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, folder / CHECKPOINT_FILE)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def save_folder(folder: Path, write: Callable[[Path], object]) -> None:
    """Writes a folder atomically: `write` fills a temporary folder, which then replaces it."""
    # Folders whose names start with a dot are not listed as models.
    part, old = (folder.with_name(f".{folder.name}{end}") for end in (PART, OLD))
    with writing(folder.parent):
        shutil.rmtree(part, ignore_errors=True)
        try:
            write(part)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            os.replace(folder, old)
        os.replace(part, folder)
        shutil.rmtree(old, ignore_errors=True)


def open_run(folder: Path, *, resume: bool) -> dict[str, Any] | None:
    """Creates the folder of a run and returns the checkpoint to continue from, or None for a new run.

    After a killed training it removes incomplete files and restores a product that was being replaced.

    Raises:
        InvalidInput: the folder contains a run and `resume` is not set, or the other way round.
    """
    checkpoint = folder / CHECKPOINT_FILE
    if checkpoint.exists() and not resume:
        raise InvalidInput(f"{folder} already contains a training. Add --resume to continue it.")
    if resume and not checkpoint.exists():
        raise InvalidInput(f"{folder} contains no training to resume. Omit --resume to start one.")
    folder.mkdir(parents=True, exist_ok=True)
    _tidy(folder)
    if not resume:
        (folder / LOG_FILE).unlink(
            missing_ok=True
        )  # left by a run that was killed before its first checkpoint
        return None
    state: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=True)
    _forget_later_lines(folder / LOG_FILE, state["step"])
    return state


def log(folder: Path, **figures: Any) -> None:
    """Appends a line of metrics to the run's log."""
    with writing(folder), (folder / LOG_FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(figures) + "\n")


def _tidy(folder: Path) -> None:
    for old in folder.glob("*" + OLD):
        whole = old.with_name(old.name.removeprefix(".").removesuffix(OLD))
        if whole.exists():
            shutil.rmtree(old)
        else:
            os.replace(old, whole)
    for part in folder.glob("*" + PART):
        shutil.rmtree(part) if part.is_dir() else part.unlink()


def _forget_later_lines(file: Path, step: int) -> None:
    """Removes lines logged after the checkpoint, and an incomplete last line."""
    if not file.exists():
        return
    kept = [
        line for line in file.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")
    ]
    kept = [line for line in kept if json.loads(line).get("step", 0) <= step]
    write_atomically(file, "".join(kept))
