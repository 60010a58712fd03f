"""Access to `colorizer_lab`, which may not be installed. No other module of the backend imports it."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

import colorizer
from colorizer.errors import ColorizerError

_PACKAGE = "colorizer_lab"


class NoLab(ColorizerError):
    """`colorizer_lab` isn't installed."""

    code = "no_lab"


def installed() -> bool:
    """Whether the package is installed; doesn't import it."""
    return importlib.util.find_spec(_PACKAGE) is not None


def module(name: str, wanted: str) -> ModuleType:
    """Imports a module of the lab. Raises `NoLab` if the lab is missing; `wanted` is the subject of its sentence."""
    if not installed():
        wheel = f"krita_colorize_lab-{colorizer.__version__}-py3-none-any.whl"
        raise NoLab(
            f"{wanted} needs the package krita-colorize-lab, which isn't installed. Install {wheel} of the same release"
            " with pip."
        )
    return importlib.import_module(f"{_PACKAGE}.{name}")
