"""A report for the person who helps the artist: versions, hardware, the installation, and the ends of the logs.

It is redacted: it contains no home folder, no user or machine name, no token, and no address with a password. The logs
contain no pictures.
"""

from __future__ import annotations

import getpass
import json
import os
import platform
import re
import shutil
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from krita_colorize.core.translations import tr
from krita_colorize.setup import builds, install, pointer

_LAST_BYTES = 60_000
_GLANCE_BYTES = 6_000
_GLANCE_LINES = 25
_LOGS = ("setup.log", "docker.log", "server.log")


def collect(home: Path, facts: dict[str, str]) -> str:
    """The whole report. `facts` are data that only the caller has, such as Krita's version."""
    hardware, known = builds.look(), pointer.read(home)
    lines = [
        f"docker brings: {install.bundled_version() or 'no backend'}",
        f"system: {platform.platform()}, Python inside Krita {sys.version.split()[0]}",
        f"hardware: {hardware.words}, {hardware.memory_mb} MB of memory",
        f"disk: {_free_mb(home)} MB free",
        f"runs: {known.current}",
        f"before: {known.previous}",
        f"leftovers: {[path.name for path in pointer.leftovers(home)]}",
        *(f"{name}: {value}" for name, value in facts.items()),
    ]
    for name in _LOGS:
        lines += ["", f"-- {name}", _tail(home / "logs" / name, _LAST_BYTES)]
    return redact("\n".join(lines)) + "\n"


def last_lines(home: Path, heard: Sequence[str] = ()) -> str:
    """The last lines of the engine's and the docker's log. `heard` is the engine's last output."""
    parts = [] if not heard else ["-- " + tr("Last output of the engine"), *heard[-_GLANCE_LINES:], ""]
    for name in ("server.log", "docker.log"):
        lines = _tail(home / "logs" / name, _GLANCE_BYTES).splitlines()[-_GLANCE_LINES:]
        parts += [f"-- {name}", *map(_readable, lines), ""]
    return redact("\n".join(parts))


def redact(text: str) -> str:
    """Removes private data."""
    text = re.sub(r"//[^/\s@]+@", "//…@", text)
    text = re.sub(
        r"(?i)((?:token|password|authorization|secret)\W{1,4})(?:bearer\s+)?[^\s\"',}]+", r"\1…", text
    )
    text = re.sub(r"\b[0-9a-fA-F]{32,}\b", "…", text)
    for name in sorted({str(Path.home()), os.path.expanduser("~")}, key=len, reverse=True):
        if len(name) > 1:
            text = text.replace(name, "~").replace(name.replace("\\", "\\\\"), "~")
    for name, stands in ((_user(), "USER"), (socket.gethostname(), "MACHINE")):
        if len(name) > 2:
            text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", stands, text)
    return text


def _readable(line: str) -> str:
    """One line of a log as text; those of the engine are JSON."""
    try:
        fields = json.loads(line)
        time, event = fields.pop("time"), fields.pop("event")
    except (ValueError, KeyError, AttributeError, TypeError):
        return line
    traceback = fields.pop("traceback", "")
    words = ", ".join(f"{name} {value}" for name, value in fields.items() if name not in ("level", "pid"))
    return f"{time} {event}{': ' if words else ''}{words}" + (f"\n{traceback}" if traceback else "")


def _tail(path: Path, length: int) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - length))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return "(none)"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def _free_mb(folder: Path) -> int:
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free // 10**6
