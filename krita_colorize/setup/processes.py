"""Runs the programs for the installation (Python, pip, uv). They can be cancelled, and their output is logged."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from krita_colorize.core.handshake import environment
from krita_colorize.setup.download import Stopped

_TICK_S = 0.2
_HIDDEN = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # no console window flashes up on Windows


@dataclass(frozen=True)
class Ended:
    """The exit status of a program and its output, with stdout and stderr together."""

    code: int
    output: str


@dataclass(frozen=True)
class Runner:
    """Runs programs for one installation."""

    home: Path
    stop: threading.Event

    def run(
        self,
        command: Sequence[str | Path],
        *,
        on_tick: Callable[[], None] = lambda: None,
        variables: dict[str, str] | None = None,
        without: tuple[str, ...] = (),
    ) -> Ended:
        """Runs a program to its end, without the variables that start with one of `without`. Raises `Stopped`."""
        words = [str(word) for word in command]
        clean = environment(os.environ, str(self.home))
        kept = {name: value for name, value in clean.items() if not name.startswith(without or ("\0",))}
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**kept, **(variables or {})},
                creationflags=_HIDDEN,
            )
            try:
                self._watch(process, on_tick)
            finally:
                if process.poll() is None:
                    process.kill()
                process.wait()
                output.seek(0)
                text = output.read().decode("utf-8", "replace")
                self.log(f"$ {' '.join(words)}\n{text}-> {process.returncode}")
        return Ended(process.returncode, text)

    def log(self, text: str) -> None:
        """Appends to `logs/setup.log`; ignores errors, so that the installation doesn't depend on the log."""
        try:
            (self.home / "logs").mkdir(parents=True, exist_ok=True)
            with (self.home / "logs" / "setup.log").open("a", encoding="utf-8") as file:
                file.write(text.rstrip() + "\n")
        except OSError:
            pass

    def _watch(self, process: subprocess.Popen[bytes], on_tick: Callable[[], None]) -> None:
        while True:
            try:
                process.wait(_TICK_S)
                return
            except subprocess.TimeoutExpired:
                if self.stop.is_set():
                    raise Stopped from None
                on_tick()
