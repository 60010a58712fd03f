"""The backend's log: one JSON object per line in `logs/server.log` of the user's folder, at most a few megabytes.

It never contains the token, headers, pixels, names of the artist's files, or the path of the home folder.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

from colorizer import paths

logger = logging.getLogger("colorizer.server")


def log_file() -> Path:
    """The path of the log."""
    return paths.home() / "logs" / "server.log"


def start() -> None:
    """Sends this process's log to the log file. Raises OSError if the file can't be written."""
    log_file().parent.mkdir(parents=True, exist_ok=True)
    _install(RotatingFileHandler(log_file(), maxBytes=2**20, backupCount=3, encoding="utf-8"))


def start_on_stderr() -> None:
    """Sends the log to stderr, for the worker: the HTTP process copies its stderr to the log file."""
    _install(logging.StreamHandler())


def event(name: str, **fields: object) -> None:
    """Logs an event."""
    logger.info(name, extra={"fields": fields})


def trouble(name: str, **fields: object) -> None:
    """Logs the exception that is being handled, with its traceback."""
    logger.error(name, exc_info=sys.exc_info(), extra={"fields": fields})


def worker_line(line: str) -> None:
    """Logs one line of the worker's stderr: a line of the worker's log unchanged, anything else as text."""
    try:
        fields = json.loads(line)
        name = fields.pop("event")
    except (ValueError, KeyError, AttributeError, TypeError):
        name, fields = "worker wrote", {"text": line}
    logger.info(name, extra={"fields": fields})


def private(text: str) -> str:
    """The text with the home folder replaced by `~`, also in its JSON form (with doubled backslashes)."""
    home = os.path.expanduser("~")
    return text.replace(json.dumps(home)[1:-1], "~").replace(home, "~")


def _install(handler: logging.Handler) -> None:
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for chatty in ("uvicorn", "asyncio", "PIL", "h5py"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "pid": record.process,
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return private(json.dumps(line, ensure_ascii=False, default=str))
