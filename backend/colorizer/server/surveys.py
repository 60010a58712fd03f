"""Caches the surveys of a sequence's frames between jobs (`COLORIZE_HOME/surveys`); each is made by a job of its own.

A survey's name is the hash of everything that determines it, so that the same frame is never surveyed twice, even after
a crash. The oldest surveys are deleted when the cache grows too large. `colorizer.engines.sequences` chooses the common
colours of the frames.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from colorizer import paths
from colorizer.engines import sequences
from colorizer.engines.base import ColorizeRequest, Report, Result
from colorizer.engines.record import make_record
from colorizer.engines.sequences import Likeness, SequenceEngine, Survey
from colorizer.errors import InvalidInput
from colorizer.files import write_atomically

FOLDER = "surveys"
KEPT_BYTES = 2**30


def survey(engine: SequenceEngine, request: ColorizeRequest, device: str, report: Report) -> str:
    """Surveys one frame, unless its survey is in the cache; returns the survey's name, 64 hex digits."""
    name = _name(engine, request, device)
    file = _file(name, "survey")
    if file.is_file():
        os.utime(file)
    else:
        _write(file, engine.survey(request, report).to_bytes())
    return name


def colorize(
    engine: SequenceEngine, request: ColorizeRequest, sequence: Sequence[str], device: str, report: Report
) -> Result:
    """Colours one frame with the common colours of its sequence.

    Args:
        engine: a loaded engine.
        request: the request for this frame, the same as for its survey.
        sequence: the names of the surveys of all frames, in order.
        device: the torch device of the engine.
        report: receives the progress.

    Raises:
        InvalidInput: this frame isn't in the sequence, or a survey is no longer in the cache.
    """
    name = _name(engine, request, device)
    if name not in sequence:
        raise InvalidInput("This sketch isn't one of the frames of its sequence. Colour the frames again.")
    file = _agreed(sequence, name)
    if not file.is_file():
        _agree(engine, sequence, report)
    return engine.colorize_surveyed(request, engine.read_survey(file.read_bytes()), report)


def _agree(engine: SequenceEngine, sequence: Sequence[str], report: Report) -> None:
    """Compares neighbouring frames and stores the common colours. A frame that occurs twice is treated as one."""
    names = list(dict.fromkeys(sequence))
    surveys = [_read(engine, name) for name in names]
    pairs = sequences.neighbours(len(names))

    def compare(one: int, other: int) -> Likeness:
        report.stage("Comparing frames", pairs.index((one, other)), len(pairs))
        return engine.compare(surveys[one], surveys[other])

    for name, agreed in zip(names, sequences.agree(engine, surveys, compare), strict=True):
        _write(_agreed(sequence, name), agreed.to_bytes())


def _name(engine: SequenceEngine, request: ColorizeRequest, device: str) -> str:
    """SHA-256 in hex of everything that determines a survey."""
    record = make_record(engine, request, Result(()), device=device, seconds={})
    said = {field: record[field] for field in ("request", "versions", "hashes")}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _read(engine: SequenceEngine, name: str) -> Survey:
    try:
        return engine.read_survey(_file(name, "survey").read_bytes())
    except FileNotFoundError as error:
        raise InvalidInput(
            "The survey of a frame of this sequence has been deleted. Colour the frames again."
        ) from error


def _agreed(sequence: Sequence[str], name: str) -> Path:
    return _file(hashlib.sha256("\n".join([*sequence, name]).encode()).hexdigest(), "agreed")


def _file(name: str, kind: str) -> Path:
    return paths.home() / FOLDER / f"{name}.{kind}"


def _write(file: Path, content: bytes) -> None:
    """Writes a file atomically, then deletes old files."""
    write_atomically(file, content)
    _tidy(file.parent)


def _tidy(folder: Path) -> None:
    """Deletes the oldest files beyond `KEPT_BYTES`."""
    found = sorted(((file.stat().st_mtime_ns, file) for file in folder.iterdir()), reverse=True)
    total = 0
    for _, file in found:
        total += file.stat().st_size
        if total > KEPT_BYTES:
            file.unlink()
