"""The handshake with the backend process (docs/wire.md, "Start"): its command, its first line, the errors of its start.

`app.backend` runs the process; this module has only values and sentences.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from krita_colorize.core.errors import UserError
from krita_colorize.core.request import API
from krita_colorize.core.translations import tr

NOT_INSTALLED = "The colour engine isn't installed. Press Set up… (in a clone: run `./colorize krita` once)."
BROKEN_LAUNCH_FILE = (
    "The file with the location of the colour engine can't be read. Press Set up… (in a clone: run `./colorize"
    " krita` once)."
)
TOO_SLOW = (
    "The colour engine didn't get ready within a minute. Press Restart; if that fails, press … and repair it."
)
UNKNOWN_GREETING = (
    "The colour engine answered in a way this docker doesn't understand. Update Krita Colorize."
)


@dataclass(frozen=True)
class Launch:
    """The command that starts the backend."""

    command: tuple[str, ...]


@dataclass(frozen=True)
class Ready:
    """The backend's address, and the token for requests."""

    host: str
    port: int
    version: str
    token: str = field(repr=False)
    memory_of: int | None = None  # the id of the process whose shared memory it can map
    fingerprint: str = (
        ""  # SHA-256 of its certificate (hex), or the start of it; "" means HTTP on this computer
    )


def read_launch(text: str | None) -> Launch:
    """Reads the text of `COLORIZE_HOME/backend.json`; None if the file is missing. Raises `UserError`."""
    if text is None:
        raise UserError(NOT_INSTALLED)
    try:
        command = json.loads(text)["command"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(BROKEN_LAUNCH_FILE) from error
    if not isinstance(command, list) or not command or not all(isinstance(word, str) for word in command):
        raise UserError(BROKEN_LAUNCH_FILE)
    return Launch(tuple(command))


def read_greeting(line: bytes) -> Ready:
    """Reads the first line of the backend's stdout. Raises `UserError` if the start failed or the API version
    differs."""
    try:
        data = json.loads(line.decode("utf-8"))
    except ValueError as error:
        raise UserError(UNKNOWN_GREETING) from error
    if not isinstance(data, dict):
        raise UserError(UNKNOWN_GREETING)
    if data.get("event") == "failed":
        raise UserError(str(data.get("message", tr("The colour engine failed to start."))))
    check_api(data.get("api"))
    try:
        host, port, version = str(data["host"]), int(data["port"]), str(data["version"])
        owner = data.get("memory_of")
        return Ready(host, port, version, str(data["token"]), owner if isinstance(owner, int) else None)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(UNKNOWN_GREETING) from error


def check_api(its: object) -> None:
    """Raises `UserError` if the backend has another version of the wire format; it says which side is too old."""
    if its == API:
        return
    if isinstance(its, int) and its > API:
        raise UserError(
            tr(
                "This docker is too old for the colour engine: it uses version {ours} of the protocol, the engine"
                " version {its}. Update Krita Colorize in Krita.",
                its=its,
                ours=API,
            )
        )
    raise UserError(
        tr(
            "The colour engine uses version {its} of the protocol, this docker version {ours}. Press … and update"
            " it (in a clone: run `./colorize krita` once).",
            its=its,
            ours=API,
        )
    )


def environment(inherited: Mapping[str, str], home: str) -> dict[str, str]:
    """The process's environment: Krita's, without the variables of its Python, its Qt and its AppImage's libraries."""
    in_appimage = "APPDIR" in inherited or "APPIMAGE" in inherited
    kept = {
        name: value
        for name, value in inherited.items()
        if not name.startswith(("PYTHON", "QT_")) and not (in_appimage and name == "LD_LIBRARY_PATH")
    }
    # PASSIVE: otherwise OpenMP's waiting threads use the CPU while nothing is computed.
    return {**kept, "PYTHONUTF8": "1", "OMP_WAIT_POLICY": "PASSIVE", "COLORIZE_HOME": home}


def failed_to_start(command: str) -> str:
    """The error for a program that couldn't be started."""
    return tr(
        "The colour engine can't be started: {command} is missing or not a program. "
        "Press Set up… and install it again (in a clone: run `./colorize krita` once).",
        command=command,
    )


def ended(code: int, *, crashed: bool) -> str:
    """The error for a process that has ended unexpectedly."""
    if crashed:
        return tr(
            "The system ended the colour engine, often for lack of memory. Press Restart, or Colorize to try again."
        )
    return tr(
        "The colour engine ended by itself (code {code}). Press Restart, or Colorize to try again.", code=code
    )


def back_off_s(failures: int) -> int:
    """The pause in seconds before the next start, by the number of failed starts in a row."""
    return min(2 ** (failures - 1), 30) if failures > 1 else 0
