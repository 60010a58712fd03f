"""The paths of the docker's own files (docs/wire.md, "Start"), and its log. Importing it creates nothing."""

from __future__ import annotations

import logging
import os
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

LOG = logging.getLogger("krita_colorize")


def home() -> Path:
    """`COLORIZE_HOME`, else the platform's user data folder for `krita-colorize`."""
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
    """Sends the docker's log to `logs/docker.log`; None if the folder can't be written. Ends with `stop_log`."""
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
    """Closes what `start_log` opened."""
    if handler is not None:
        LOG.removeHandler(handler)
        handler.close()
