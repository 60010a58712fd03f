"""Sequences of comic pages: the panels of all pages, in reading order, are the pictures of the sequence (`sequences`).

The survey of a page contains those of its panels. Panels are compared with the next ones in reading order, also across
pages, and all panels agree on colours together.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from colorizer.engines.base import ColorizeRequest, Report, Result
from colorizer.engines.page_parts import PartReport, colorize_parts, part_request
from colorizer.engines.sequences import REACH, Likeness, SequenceEngine, Survey
from colorizer.errors import NothingToColour
from colorizer.imaging.sheets import read_sheet

Pair = tuple[int, int]
"""The numbers of two panels."""


@dataclass(frozen=True)
class PageSurvey:
    """The surveys of a page's panels. A single picture is a page with one panel."""

    panels: tuple[Survey | None, ...]
    """None for empty panels."""
    within: Mapping[Pair, Likeness] = field(default_factory=dict)
    """Likeness of panels within the page; needed until the sequence has agreed."""

    def to_bytes(self) -> bytes:
        """Serialises the survey as an .npz file."""
        stream = io.BytesIO()
        surveys = {
            f"panel {number}": np.frombuffer(b"" if panel is None else panel.to_bytes(), np.uint8)
            for number, panel in enumerate(self.panels)
        }
        alike = {f"{one} {other}": likeness for (one, other), likeness in self.within.items()}
        np.savez(stream, allow_pickle=False, **surveys, **alike)
        return stream.getvalue()


class PageSequences:
    """The steps of an engine's sequences (`sequences.SequenceEngine`), applied to pages."""

    def __init__(self, engine: SequenceEngine) -> None:
        self.engine = engine

    def survey(self, request: ColorizeRequest, report: Report) -> PageSurvey:
        """Surveys every panel of a page, and compares them with each other."""
        sheet = read_sheet(request.sketch)
        if sheet is None:
            return PageSurvey((self.engine.survey(request, report),))
        panels: list[Survey | None] = []
        nothing: NothingToColour | None = None
        for number, part in enumerate(sheet.parts):
            try:
                asked = part_request(request, sheet, part)
                panels.append(self.engine.survey(asked, PartReport(report, number, len(sheet.parts))))
            except NothingToColour as error:
                panels.append(None)
                nothing = error
        if nothing is not None and not any(panels):
            raise nothing
        return PageSurvey(tuple(panels), self._compared(panels, panels, within=True))

    def read_survey(self, content: bytes) -> PageSurvey:
        """Reads a survey from its bytes."""
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            names = [name for name in file.files if name.startswith("panel ")]
            stored = [file[f"panel {number}"].tobytes() for number in range(len(names))]
            within = {_pair(name): file[name] for name in file.files if not name.startswith("panel ")}
        return PageSurvey(tuple(self.engine.read_survey(one) if one else None for one in stored), within)

    def compare(self, one: PageSurvey, other: PageSurvey) -> Likeness:
        """Likeness of the last panels of one page and the first panels of another, all pairs in one array."""
        return _packed(self._compared(one.panels, other.panels, within=False))

    def agree(
        self, surveys: Sequence[PageSurvey], likeness: Mapping[tuple[int, int], Likeness]
    ) -> list[PageSurvey]:
        """Makes all panels of all pages agree on colours."""
        place: dict[Pair, int] = {}
        panels: list[Survey] = []
        for page, survey in enumerate(surveys):
            for number, panel in enumerate(survey.panels):
                if panel is not None:
                    place[page, number] = len(panels)
                    panels.append(panel)
        pairs = {
            (place[page, one], place[page, other]): alike
            for page, survey in enumerate(surveys)
            for (one, other), alike in survey.within.items()
        }
        for (page, following), packed in likeness.items():
            for (one, other), alike in _unpacked(packed).items():
                pairs[place[page, one], place[following, other]] = alike
        agreed = self.engine.agree(panels, pairs)
        return [
            PageSurvey(
                tuple(
                    agreed[place[page, number]] if (page, number) in place else None
                    for number in range(len(survey.panels))
                )
            )
            for page, survey in enumerate(surveys)
        ]

    def colorize_surveyed(self, request: ColorizeRequest, survey: PageSurvey, report: Report) -> Result:
        """Paints one page with the agreed colours."""
        sheet = read_sheet(request.sketch)
        panels = iter(survey.panels)

        def colorize(asked: ColorizeRequest, told: Report) -> Result:
            panel = next(panels)
            if panel is None:
                raise NothingToColour("No lines were found in this panel.")
            return self.engine.colorize_surveyed(asked, panel, told)

        if sheet is None:
            return colorize(request, report)
        return colorize_parts(request, sheet, report, colorize)

    def _compared(
        self, ones: Sequence[Survey | None], others: Sequence[Survey | None], *, within: bool
    ) -> dict[Pair, Likeness]:
        """Compares every panel with the next `REACH` ones, within a page or across two pages."""
        found = {}
        for i, one in enumerate(ones):
            for j, other in enumerate(others):
                steps = j - i if within else len(ones) - i + j
                if one is not None and other is not None and 0 < steps <= REACH:
                    found[i, j] = self.engine.compare(one, other)
        return found


def _packed(pairs: Mapping[Pair, Likeness]) -> NDArray[np.float32]:
    """Packs matrices of different sizes into one row; each is preceded by its panels and shape."""
    rows = [np.zeros(0, np.float32)]
    for (one, other), alike in pairs.items():
        rows += [np.array([one, other, *alike.shape], np.float32), alike.ravel().astype(np.float32)]
    return np.concatenate(rows)


def _unpacked(row: NDArray[np.float32]) -> dict[Pair, Likeness]:
    pairs = {}
    start = 0
    while start < len(row):
        one, other, height, width = row[start : start + 4].astype(int).tolist()
        start += 4
        pairs[one, other] = row[start : start + height * width].reshape(height, width)
        start += height * width
    return pairs


def _pair(name: str) -> Pair:
    one, other = name.split()
    return int(one), int(other)
