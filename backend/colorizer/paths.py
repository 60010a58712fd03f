"""Paths of the user's folder (`COLORIZE_HOME`), the cache and the bundled resources. Doesn't create any of them."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def home() -> Path:
    """The folder for models, logs and settings: `COLORIZE_HOME`, or the platform's user data folder."""
    chosen = os.environ.get("COLORIZE_HOME")
    return Path(chosen) if chosen else Path(platformdirs.user_data_dir("krita-colorize", appauthor=False))


def cache() -> Path:
    """The user's folder for files that can be made again. It is outside `COLORIZE_HOME`, so that temporary homes
    share it.
    """
    return Path(platformdirs.user_cache_dir("krita-colorize", appauthor=False))


def resource(name: str) -> Path:
    """A file or folder of `resources/`, in a clone or in an installed package."""
    package = Path(__file__).resolve().parent
    installed = package / "resources"
    return (installed if installed.is_dir() else package.parents[1] / "resources") / name
