"""The match engine: every region of the sketch gets the colour of the part of the reference it corresponds to.

`imaging` finds lines and regions, `network` computes the correspondence, `readout` reads it for the regions,
`foreground` finds the foreground, and `painting` makes the layers. This module calls them in order. No colour is
invented: with the palette locked, every flat colour occurs in a reference or in a hint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from colorizer import paths
from colorizer.engines.base import (
    ColorizeRequest,
    EngineInfo,
    Mask,
    Mode,
    ModelInfo,
    Picture,
    Report,
    Result,
)
from colorizer.engines.match.outline import Outline
from colorizer.engines.runtime.stage_cache import StageCache
from colorizer.engines.sequences import Likeness
from colorizer.errors import InvalidInput, MissingModel, UnknownEngine
from colorizer.files import sha256_of
from colorizer.imaging.coloured import ColouredLines
from colorizer.imaging.layers import preview
from colorizer.imaging.lines import Ink, read_lines
from colorizer.imaging.masks import usable_mask
from colorizer.imaging.regions import Regions, find_regions
from colorizer.imaging.sizes import MAX_SIDE
from colorizer.protocol.checks import check_bindings, check_corrections, check_references

if TYPE_CHECKING:
    from colorizer.engines.match.matching import Match
    from colorizer.engines.match.network import MatchNetwork
    from colorizer.engines.match.sequence import Survey

MODEL = "builtin"
TITLE = "Match (built in)"
MAX_REFERENCES = 16


class MatchEngine:
    """The built-in engine; works offline on any CPU."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or paths.resource("weights/match")
        self._device = "cpu"
        self._network: MatchNetwork | None = None
        self._lines: StageCache[tuple[Ink, ColouredLines | None]] = StageCache()
        self._enclosed: StageCache[Regions] = StageCache()
        self._cut: StageCache[Regions] = StageCache()
        self._matches: StageCache[Match] = StageCache()

    @property
    def info(self) -> EngineInfo:
        """The engine's capabilities."""
        weights = self.weights()
        size = weights.stat().st_size if weights else 0
        sha256 = sha256_of(weights) if weights else ""
        model = ModelInfo(MODEL, "Built-in", "GPL-3.0-or-later", size, weights is not None, sha256)
        return EngineInfo(
            name="match",
            title=TITLE,
            modes=tuple(Mode),
            max_references=MAX_REFERENCES,
            options=(
                "palette_lock",
                "style_detail",
                "line_gap",
                "coloured_lines",
                "clear_hints",
                "hints",
                "bindings",
                "sequence",
            ),
            models=(model,),
            max_side=MAX_SIDE,
            memory_mb=900,
        )

    def weights(self, model: str = "") -> Path | None:
        """The weights file; None if it is missing."""
        _check_model(model)
        file = self._folder / "model.safetensors"
        return file if file.is_file() else None

    def load(self, device: str, model: str = "") -> None:
        """Reads the weights. Raises `MissingModel`."""
        _check_model(model)
        if self._network is None or device != self._device:
            from colorizer.engines.match.network_input import prepare

            network = _read_network(self._folder)
            prepare(network, device)
            self._network, self._device = network, device

    def colorize(self, request: ColorizeRequest, report: Report) -> Result:
        """Colours one sketch; see `colorizer.engines.base.Engine`."""
        outline = self._outline(request, report)
        return self._paint(request, report, outline, self._match(request, report, outline))

    def _match(self, request: ColorizeRequest, report: Report, outline: Outline) -> Match:
        """The match of the sketch, cached. Hints and bindings don't affect it, so a repair that changes only these
        can use the cached match."""
        from colorizer.engines.match.matching import Matcher

        network, options = self._loaded(), request.options
        key = (request.mode, options.palette_lock, *_lines_key(request), options.line_gap, self._device)
        return self._matches.get(
            [request.sketch, request.sketch_mask, *_pictures_of(request)],
            key,
            lambda: Matcher(network, request, report).match(outline.ink, outline.mask, outline.regions),
        )

    def survey(self, request: ColorizeRequest, report: Report) -> Survey:
        """Surveys one page of a sequence; see `colorizer.engines.sequences`."""
        from colorizer.engines.match.sequence import survey

        outline = self._outline(request, report)
        return survey(self._loaded(), request, report, outline)

    def compare(self, one: Survey, other: Survey) -> Likeness:
        """Computes which regions of two pages are the same part; see `colorizer.engines.sequences`."""
        from colorizer.engines.match.sequence import compare

        return compare(self._loaded(), one, other)

    def agree(self, surveys: Sequence[Survey], likeness: Mapping[tuple[int, int], Likeness]) -> list[Survey]:
        """Lets the pages vote together; see `colorizer.engines.sequences`."""
        from colorizer.engines.match.sequence import agree

        return agree(surveys, likeness)

    def read_survey(self, content: bytes) -> Survey:
        """See `colorizer.engines.sequences`."""
        from colorizer.engines.match.sequence import Survey

        return Survey.from_bytes(content)

    def colorize_surveyed(self, request: ColorizeRequest, survey: Survey, report: Report) -> Result:
        """Colours one page with the sequence's common colours; see `colorizer.engines.sequences`."""
        return self._paint(request, report, self._outline(request, report), survey.match)

    def find_ink(self, sketch: Picture) -> Ink:
        """`imaging.lines.find_ink`, cached, because pages need the same sketch's ink; don't change it."""
        return self._read_lines(sketch, ColouredLines.AUTOMATIC)[0]

    def _read_lines(self, sketch: Picture, coloured: ColouredLines) -> tuple[Ink, ColouredLines | None]:
        return self._lines.get([sketch], coloured, lambda: read_lines(sketch, coloured))

    def _outline(self, request: ColorizeRequest, report: Report) -> Outline:
        _check(request)
        report.stage("Finding lines")
        height, width = request.sketch.shape[:2]
        key = _lines_key(request)
        ink, coloured = self._read_lines(request.sketch, *key)
        report.stage("Finding regions")
        mask = usable_mask(request.sketch_mask, width, height)
        gap = request.options.line_gap

        def enclose() -> Regions:
            from colorizer.engines.match.foreground import find_same_pose
            from colorizer.engines.match.open_figures import close_figures
            from colorizer.engines.match.open_parts import divide_open_parts

            network, found = self._loaded(), find_same_pose(ink, request.references)
            find_figure = cache(lambda: found.figure(network, ink) if found else None)
            regions = find_regions(ink, gap=gap, find_figure=find_figure if mask is None else None)
            if found:
                regions = divide_open_parts(regions, found.lay_under(ink))
            return close_figures(network, ink, regions, find_figure) if mask is None else regions

        # Only the regions of open figures and parts depend on the references.
        pictures = [request.sketch, *_pictures_of(request)]
        enclosed = self._enclosed.get(pictures, (*key, gap, mask is None, self._device), enclose)
        if mask is None:
            return Outline(ink, mask, enclosed, enclosed, coloured)
        regions = self._cut.get([request.sketch, mask], (*key, gap), lambda: enclosed.cut(mask))
        return Outline(ink, mask, enclosed, regions, coloured)

    def _paint(self, request: ColorizeRequest, report: Report, outline: Outline, match: Match) -> Result:
        from colorizer.engines.match.painting import check_on, decide, layers_of, report_on, table_of

        report.stage("Painting layers")
        painting = decide(request, outline.regions, match)
        layers = layers_of(request, outline.regions, painting)
        report.preview(lambda: preview(layers, request.sketch, 1024))
        check = check_on(request, outline.enclosed, outline.regions, painting)
        said = report_on(request, outline.regions, painting, layers)
        if outline.coloured is not None:
            said["coloured_lines"] = outline.coloured.value
        return Result(layers, said, check, outline.enclosed, table_of(outline.regions, match, painting))

    def foreground_mask(self, picture: Picture, report: Report) -> Mask:
        """Finds the foreground: along the lines of a sketch, or by the colours of any other picture."""
        from colorizer.engines.match.foreground import find_foreground

        return find_foreground(self._loaded(), picture, report)

    def _loaded(self) -> MatchNetwork:
        if self._network is None:
            self.load(self._device)
        assert self._network is not None
        return self._network


def _pictures_of(request: ColorizeRequest) -> list[Picture | Mask | None]:
    """The references and their masks."""
    return [picture for one in request.references for picture in (one.picture, one.mask)]


def _lines_key(request: ColorizeRequest) -> tuple[ColouredLines]:
    """The options that determine, with the sketch, what its lines are."""
    return (ColouredLines(request.options.advanced.coloured_lines),)


def _read_network(folder: Path) -> MatchNetwork:
    from safetensors import SafetensorError

    from colorizer.engines.match.network import MatchNetwork

    try:
        return MatchNetwork.from_pretrained(folder)
    except FileNotFoundError as error:
        raise MissingModel(
            "The built-in model's weights are missing. Install Krita Colorize again."
        ) from error
    except (OSError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
        raise MissingModel(
            "The built-in model's weights can't be read; the file may be damaged. Install Krita Colorize again."
        ) from error


def _check_model(model: str) -> None:
    if model not in ("", MODEL):
        raise UnknownEngine(f'The match engine has no model "{model}". Use "{MODEL}" or leave it empty.')


def _check(request: ColorizeRequest) -> None:
    _check_model(request.model)
    alone = request.mode is Mode.BACKGROUND and request.background is not None
    check_references(len(request.references), MAX_REFERENCES, TITLE, background=alone)
    for number, reference in enumerate(request.references, 1):
        if not (reference.picture[..., 3] > 127).any():
            raise InvalidInput(
                f"Reference {number} is empty (transparent everywhere). Choose another picture."
            )
    sizes = [reference.picture.shape[1::-1] for reference in request.references]
    check_bindings(request.bindings, request.sketch.shape[1::-1], sizes)
    check_corrections(request.corrections, request.sketch.shape[1::-1])
    if request.background is not None and not request.background[..., 3].any():
        raise InvalidInput("The background picture is empty (transparent everywhere). Choose another one.")
