"""Runs one change of the models folder in its own process, for the server: `python -m colorizer.catalogue ...`.

    download NAME | verify NAME | convert FILE [--name NAME] [--prediction KIND]

Writes its progress (`stage`, `done`, `total`) to stdout as JSON lines, and as the last line the `result` or `error`.
It ends at once when its stdin closes, because then its parent has ended or wants it to stop; downloaded data is kept.
The caller is responsible for the user's acceptance of the licence.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from colorizer.catalogue import entries
from colorizer.catalogue.convert import PREDICTIONS, Choices
from colorizer.catalogue.store import Store
from colorizer.errors import ColorizerError

_STAGES_A_SECOND = 5


class _Teller:
    """Writes the progress to stdout, at a limited rate."""

    def __init__(self) -> None:
        self._stage = ""
        self._next_at = 0.0

    def stage(self, name: str, done: int, total: int) -> None:
        now = time.monotonic()
        if name != self._stage or now >= self._next_at:
            say(stage=name, done=done, total=total)
            self._stage, self._next_at = name, now + 1 / _STAGES_A_SECOND


def say(**fields: Any) -> None:
    """Writes one line of JSON to stdout."""
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def run(words: argparse.Namespace, store: Store) -> dict[str, Any]:
    """Makes the change and returns its result."""
    teller = _Teller()
    if words.change == "download":
        return {"installed": store.download(words.target, teller.stage, accept_licence=True)}
    if words.change == "verify":
        return {"problems": store.verify(words.target, teller.stage)}
    file = Path(words.target)
    name = words.name or store.free_name(file)
    folder = store.convert(file, name, Choices(prediction=words.prediction), teller.stage)
    return {"installed": [folder.name]}


def _watch_stdin() -> None:
    while sys.stdin.buffer.read1(64):  # type: ignore[union-attr]
        pass
    os._exit(3)


def main() -> int:
    """Runs the process and returns its exit status."""
    parser = argparse.ArgumentParser(prog="colorizer.catalogue")
    parser.add_argument("change", choices=("download", "verify", "convert"))
    parser.add_argument("target")
    parser.add_argument("--name", default="")
    parser.add_argument("--prediction", default="", choices=("", *PREDICTIONS))
    words = parser.parse_args()
    threading.Thread(target=_watch_stdin, name="life-line", daemon=True).start()
    try:
        say(result=run(words, Store(entries.load())))
    except ColorizerError as error:
        say(error={"code": error.code, "message": str(error)})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
