"""The record of a result: request, versions, and hashes of all inputs. The same record gives the same bytes.

Server and command line write the same record. Pictures are identified by the SHA-256 of their decoded pixels.
"""

from __future__ import annotations

import hashlib
import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np

import colorizer
from colorizer.engines.base import ColorizeRequest, Engine, Mask, Picture, Result
from colorizer.files import sha256_of

LIBRARIES = ("numpy", "opencv-python-headless", "torch")
"""Libraries whose version can change the bytes of a result."""


def make_record(
    engine: Engine,
    request: ColorizeRequest,
    result: Result,
    *,
    device: str,
    seconds: dict[str, float],
    hashes: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Collects everything that is needed to reproduce a result, as JSON values.

    Args:
        engine: the engine that coloured.
        request: its request.
        result: its result; the report becomes part of the record.
        device: the torch device.
        seconds: duration of each part, by name.
        hashes: the result of `hash_inputs`; None: computed here.
    """
    return {
        "request": {
            "engine": engine.info.name,
            "model": request.model,
            "mode": request.mode.value,
            "seed": request.seed,
            "options": request.options.model_dump(),
            "bindings": [asdict(binding) for binding in request.bindings],
            "corrections": [asdict(one) for one in request.corrections],
            "swaps": [asdict(swap) for swap in request.swaps],
            "canvas": {"width": request.sketch.shape[1], "height": request.sketch.shape[0]},
        },
        "report": result.report,
        "versions": _versions() | {"device": device},
        "hashes": {"model": _model_hash(engine, request.model), **(hashes or hash_inputs(request))},
        "seconds": {name: round(value, 4) for name, value in seconds.items()},
    }


def hash_inputs(request: ColorizeRequest) -> dict[str, Any]:
    """The hashes of all pictures of a request by field. Releases the GIL while hashing."""
    return {
        "sketch": hash_pixels(request.sketch),
        "sketch_mask": hash_pixels(request.sketch_mask),
        "references": [hash_pixels(reference.picture) for reference in request.references],
        "reference_masks": [hash_pixels(reference.mask) for reference in request.references],
        "background": hash_pixels(request.background),
        "hints": hash_pixels(request.hints),
    }


def hash_pixels(pixels: Picture | Mask | None) -> str | None:
    """SHA-256 of a picture's or mask's pixels in row-major order, in hex."""
    return None if pixels is None else hashlib.sha256(np.ascontiguousarray(pixels).data).hexdigest()


def _versions() -> dict[str, str]:
    found = {name: version(name) for name in LIBRARIES}
    return {"colorizer": colorizer.__version__, "python": platform.python_version(), **found}


def _model_hash(engine: Engine, name: str) -> str:
    models = {model.name: model for model in engine.info.models}
    model = models.get(name) or next(iter(models.values()), None)
    if model is None:
        return ""
    return model.sha256 or _weights_hash(engine, model.name)


def _weights_hash(engine: Engine, model: str) -> str:
    """SHA-256 of the weights file of a model without a card, e.g. one that the user trained; read once."""
    weights = engine.weights(model)
    return "" if weights is None else sha256_of(weights)
