"""The record of a result: what was asked, with which versions and which bytes. The same record gives the same bytes.

Server and command line write the same record; pictures are named by the SHA-256 of their decoded pixels.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import colorizer
from colorizer.engines.base import ColorizeRequest, Mask, Picture, Result

LIBRARIES = ("torch", "numpy", "opencv-python-headless", "scikit-image", "pillow")


def make_record(
    engine: str, request: ColorizeRequest, result: Result, *, weights: Path | None, seconds: dict[str, float]
) -> dict[str, Any]:
    """Everything needed to get the same result again, as JSON values.

    Args:
        engine: the engine's name.
        request: what the engine was given.
        result: what it gave back; its report becomes part of the record.
        weights: the weights file that was used; None where there is none.
        seconds: how long each part took, by name.
    """
    return {
        "request": {
            "engine": engine,
            "model": request.model,
            "mode": request.mode.value,
            "seed": request.seed,
            "options": asdict(request.options),
            "canvas": {"width": request.sketch.shape[1], "height": request.sketch.shape[0]},
        },
        "report": result.report,
        "versions": {"krita-colorize": colorizer.__version__, **{name: version(name) for name in LIBRARIES}},
        "hashes": {
            "model": hash_file(weights) if weights else None,
            "sketch": hash_pixels(request.sketch),
            "sketch_mask": hash_pixels(request.sketch_mask),
            "references": [hash_pixels(reference.picture) for reference in request.references],
            "reference_masks": [hash_pixels(reference.mask) for reference in request.references],
            "background": hash_pixels(request.background),
        },
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }


def hash_pixels(pixels: Picture | Mask | None) -> str | None:
    """SHA-256 of a picture's or mask's size and bytes, in hex."""
    if pixels is None:
        return None
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(pixels.tobytes())
    return digest.hexdigest()


def hash_file(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
