"""The paths of the docker's own files (docs/wire.md, "Start"), and its log. Importing it creates nothing."""

from __future__ import annotations

import logging
import os
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

LOG = logging.getLogger("krita_colorize")


def home() -> Path:
    """The folder `COLORIZE_HOME`, by default `krita-colorize` in the platform's folder for user data."""
    chosen = os.environ.get("COLORIZE_HOME")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "krita-colorize"


def start_log(folder: Path) -> logging.Handler | None:
    """Writes the docker's log to `logs/docker.log` until `stop_log`; returns None if the folder isn't writable."""
    try:
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(
            folder / "logs" / "docker.log", maxBytes=1 << 20, backupCount=2, encoding="utf-8"
        )
    except OSError:
        return None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    return handler


def stop_log(handler: logging.Handler | None) -> None:
    """Closes the log file that `start_log` has opened."""
    if handler is not None:
        LOG.removeHandler(handler)
        handler.close()
