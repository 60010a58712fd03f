"""Engines for the server's tests: quick, slow, failing, crashing. Real engines are tested in tests/engines."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
from colorizer.engines.base import (
    Check,
    ColorizeRequest,
    EngineInfo,
    Layer,
    Mask,
    Mode,
    Picture,
    Place,
    PlaceKind,
    Report,
    Result,
    Role,
)
from colorizer.errors import NothingToColour
from colorizer.imaging.region_table import RegionTable, repaint

GREEN, BLUE = (0, 200, 0), (0, 0, 200)


def striped(flats: Layer, request: ColorizeRequest, palette: list[str]) -> Result:
    """Four stripes as regions, which may be green or blue; the first is like the third; two are to be checked."""
    height, width = flats.pixels.shape[:2]
    labels = np.broadcast_to(np.arange(width, dtype=np.int32) * 4 // width, (height, width)).copy()
    own = request.references[0].picture[0, 0, :3]
    likely = (np.array([own, GREEN, BLUE], np.uint8),) * 4
    none = np.zeros(0, np.intp)
    table = RegionTable(labels, np.zeros(4, bool), likely, (np.array([2]), none, np.array([0]), none))
    places = tuple(Place(PlaceKind.DOUBTFUL, x * width // 4 + 2, 2, 4, 4, 0.3) for x in (1, 3))
    check = Check(np.where(labels % 2, np.uint8(255), np.uint8(0)), places)
    layers = repaint((flats,), table, request.corrections)
    return Result(layers, {"palette": [*palette, "#00c800", "#0000c8"]}, check, table=table)


class ScriptedEngine:
    """Does what the request's `model` says; paints the canvas in the reference's first colour."""

    SCRIPTS = (
        "",
        "slow",
        "brief",
        "deaf",
        "fails",
        "bug",
        "memory",
        "crash",
        "card",
        "hog",
        "noise",
        "large",
        "masked",
        "regions",
    )

    @property
    def info(self) -> EngineInfo:
        from colorizer.engines.base import ModelInfo

        models = tuple(ModelInfo(name, name, "none", 0, installed=True) for name in self.SCRIPTS if name)
        return EngineInfo("scripted", "Scripted", tuple(Mode), 4, ("palette_lock",), models, 8192, 1)

    def weights(self, model: str = "") -> None:
        return None

    def load(self, device: str, model: str = "") -> None:
        pass

    def colorize(self, request: ColorizeRequest, report: Report) -> Result:
        report.stage("Painting", 0, 2)
        getattr(self, f"_{request.model or 'quick'}")(request, report)
        report.stage("Painting", 2, 2)
        pixels = np.empty_like(request.sketch)
        pixels[:] = request.references[0].picture[0, 0]
        if request.model == "noise":
            pixels[:] = np.random.default_rng(request.seed).integers(0, 256, pixels.shape, np.uint8)
        mask = (
            np.full(pixels.shape[:2], 255, np.uint8) if request.sketch_mask is None else request.sketch_mask
        )
        if request.model == "masked":  # what lies outside of the mask gets another colour, hints their own
            pixels[mask < 128] ^= np.array([255, 255, 255, 0], np.uint8)
            if request.hints is not None:
                there = request.hints[..., 3] > 127
                pixels[there] = request.hints[there]
            for binding in request.bindings:
                spot = request.references[binding.reference].picture[binding.reference_y, binding.reference_x]
                pixels[binding.y, binding.x] = spot ^ np.array([1, 1, 1, 0], np.uint8)
        flats = Layer("Flats", Role.FOREGROUND, pixels, mask=mask, mask_name="Foreground mask")
        palette = ["#" + bytes(request.references[0].picture[0, 0, :3]).hex()]
        places = (Place(PlaceKind.UNPAINTED, 4, 4, 8, 8, 0.0), Place(PlaceKind.DOUBTFUL, 20, 20, 4, 4, 0.3))
        check = Check(np.full(mask.shape, 255, np.uint8), places) if request.model == "masked" else None
        if request.model == "regions":
            return striped(flats, request, palette)
        return Result((flats,), {"regions": 1, "palette": palette}, check)

    def foreground_mask(self, picture: Picture, report: Report) -> Mask:
        return np.ascontiguousarray(picture[..., 3])

    def _quick(self, request: ColorizeRequest, report: Report) -> None:
        report.preview(lambda: request.sketch)

    _noise = _large = _masked = _regions = _quick

    def _slow(self, request: ColorizeRequest, report: Report) -> None:
        for step in range(600):
            report.stage("Painting slowly", step, 600)
            report.preview(lambda: request.sketch)
            time.sleep(0.05)

    def _brief(self, request: ColorizeRequest, report: Report) -> None:
        for step in range(60):
            report.stage("Painting slowly", step, 60)
            time.sleep(0.05)

    def _deaf(self, request: ColorizeRequest, report: Report) -> None:
        time.sleep(600)

    def _fails(self, request: ColorizeRequest, report: Report) -> None:
        raise NothingToColour("The sketch is empty. Draw something first.")

    def _bug(self, request: ColorizeRequest, report: Report) -> None:
        raise KeyError("/home/artist/secret drawing.kra")

    def _memory(self, request: ColorizeRequest, report: Report) -> None:
        np.empty((1 << 45,), np.uint8)

    def _card(self, request: ColorizeRequest, report: Report) -> None:
        raise RuntimeError("CUDA error: unknown error")

    def _crash(self, request: ColorizeRequest, report: Report) -> None:
        os._exit(3)

    def _hog(self, request: ColorizeRequest, report: Report) -> None:
        os.kill(os.getpid(), signal.SIGKILL)  # what the kernel does when the memory is full
