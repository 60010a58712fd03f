"""The additional interface of engines that colour pages or frames of a sequence consistently.

Each page is surveyed (analysed) separately, neighbouring pages are compared, all pages agree on colours, and then each
page is painted. All steps except the agreement need one or two pages only, so they can run on any machine in any order.
Server, batches and evaluation call `agree` for the comparison and the agreement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from colorizer.engines.base import ColorizeRequest, Engine, Report, Result

REACH = 2
"""A page is compared with this many following pages."""

Likeness = NDArray[np.float32]
"""(regions of one page, regions of another), 0..1: the likelihood that two regions show the same thing."""


class Survey(Protocol):
    """An engine's analysis of a page: everything except the picture that it needs to paint the page."""

    def to_bytes(self) -> bytes:
        """Serialises the survey; the engine's `read_survey` reads it."""


@runtime_checkable
class SequenceEngine(Engine, Protocol):
    """An engine with the steps of a sequence. Surveys are opaque to all other code."""

    def survey(self, request: ColorizeRequest, report: Report) -> Survey:
        """Analyses one page. Raises `InvalidInput` for a problem that the artist can solve."""

    def read_survey(self, content: bytes) -> Survey:
        """Reads a survey from its bytes."""

    def compare(self, one: Survey, other: Survey) -> Likeness:
        """The likelihood that each region of one page and each of the other show the same thing."""

    def agree(self, surveys: Sequence[Survey], likeness: Mapping[tuple[int, int], Likeness]) -> list[Survey]:
        """Makes the pages agree on colours, and returns the surveys for `colorize_surveyed`.

        Args:
            surveys: the surveys of the pages in order.
            likeness: by the numbers of two pages, the lower first. Pairs that are missing do not influence each other.
        """

    def colorize_surveyed(self, request: ColorizeRequest, survey: Survey, report: Report) -> Result:
        """Paints one page with the agreed colours; the request is the same as for `survey`."""


def neighbours(count: int) -> list[tuple[int, int]]:
    """The pairs of pages to compare, by number, the lower first."""
    return [(one, other) for one in range(count) for other in range(one + 1, min(one + 1 + REACH, count))]


def agree(
    engine: SequenceEngine,
    surveys: Sequence[Survey],
    compare: Callable[[int, int], Likeness | None],
) -> list[Survey]:
    """Compares neighbouring pages and makes all pages agree on colours; returns surveys for `colorize_surveyed`.

    Args:
        engine: a loaded engine.
        surveys: the surveys of the pages in order.
        compare: computes the likeness of two pages by their numbers; None if it is not known.
    """
    found = {pair: compare(*pair) for pair in neighbours(len(surveys))}
    return engine.agree(surveys, {pair: likeness for pair, likeness in found.items() if likeness is not None})
