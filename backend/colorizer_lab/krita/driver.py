"""Runs inside Krita, with temporary profiles only: reads scripts from a folder, runs them and writes their results.

`session.py` copies this file into a profile as the plugin `colorize_driver` and communicates with it through the folder
that `COLORIZE_DRIVER` names (mode 0700). Artists never get it. Imports only the standard library and Krita's modules.

A request is a file `NUMBER.json`: `{"code", "name", "arguments"}`. `code` is executed in a namespace that all requests
share; then the function `name`, if given, is called. A generator function is resumed at every tick, so that it can wait
while Krita works. The answer is a file `NUMBER.answer`: `{"value"}` or `{"error"}`.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Generator
from pathlib import Path
from typing import Any

import krita

TICK_MS = 15


class Driver:
    """Polls for requests with a timer of Krita's event loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parent = os.getppid()
        self._namespace: dict[str, Any] = {"krita": krita, "__name__": "colorize_script"}
        self._running: Generator[None, None, Any] | None = None
        self._request = 0
        self._inside = False
        self._timer = krita.QTimer()
        self._timer.timeout.connect(self._tick)
        self._timer.start(TICK_MS)
        (folder / "started").touch()

    def _tick(self) -> None:
        if os.getppid() != self._parent:
            os._exit(0)  # the process that started this Krita has ended, and no other would end it
        if self._inside:  # a script is running that processes events, for example because it opened a dialog
            return
        self._inside = True
        try:
            self._step()
        finally:
            self._inside = False

    def _step(self) -> None:
        try:
            if self._running is None and not self._take():
                return
            if self._running is not None:
                next(self._running)
        except StopIteration as stop:
            self._answer({"value": stop.value})
        except BaseException:  # noqa: BLE001 - any exception of the script is sent back to its caller
            self._answer({"error": traceback.format_exc()})

    def _take(self) -> bool:
        path = self._folder / f"{self._request + 1}.json"
        if not path.exists():
            return False
        self._request += 1
        request = json.loads(path.read_text(encoding="utf-8"))
        path.unlink()
        exec(compile(request["code"], f"<request {self._request}>", "exec"), self._namespace)
        function = self._namespace[request["name"]] if request["name"] else None
        value = function(**request["arguments"]) if function else None
        if isinstance(value, Generator):
            self._running = value
        else:
            self._answer({"value": value})
        return True

    def _answer(self, answer: dict[str, Any]) -> None:
        self._running = None
        path = self._folder / f"{self._request}.answer"
        path.with_suffix(".new").write_text(json.dumps(answer), encoding="utf-8")
        os.replace(path.with_suffix(".new"), path)


def serve(*_arguments: object) -> None:
    """For kritarunner: answers requests until the parent process ends it."""
    sys.path[:0] = [p for p in os.environ.get("COLORIZE_DRIVER_PATH", "").split(os.pathsep) if p]
    driver = Driver(Path(os.environ["COLORIZE_DRIVER"]))
    loop = krita.QEventLoop()
    loop.exec()
    del driver


if os.environ.get("COLORIZE_DRIVER") and Path(sys.argv[0] or "krita").name != "kritarunner":

    class DriverExtension(krita.Extension):
        """Starts the driver with Krita's first window."""

        def __init__(self, parent: Any) -> None:
            super().__init__(parent)
            self._driver: Driver | None = None

        def setup(self) -> None:
            """Called once, before there is a window."""

        def createActions(self, _window: Any) -> None:  # noqa: N802 - Krita's name
            """Called for every window."""
            if self._driver is None:
                self._driver = Driver(Path(os.environ["COLORIZE_DRIVER"]))

    krita.Krita.instance().addExtension(DriverExtension(krita.Krita.instance()))
