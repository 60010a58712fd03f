"""The further interface of engines that colour the pages or frames of a sequence alike (beside `base`).

Every page is surveyed by itself, neighbouring pages are compared, all agree on colours, then every page is painted.
Every step but the agreement works on one or two pages, so that it can run on any machine in any order. `agree` is the
one place where the steps are put together, for server, batches and evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from colorizer.engines.base import ColorizeRequest, Engine, Report, Result

REACH = 2
"""How many pages on a page is compared with."""

Likeness = NDArray[np.float32]
"""(regions of one page, regions of another), 0..1: which are the same thing."""


class Survey(Protocol):
    """What an engine found on one page: everything it needs to paint it, but for the picture."""

    def to_bytes(self) -> bytes:
        """Serialises it; the engine's `read_survey` reads it."""


@runtime_checkable
class SequenceEngine(Engine, Protocol):
    """An engine with the three steps. Only the engine itself reads its surveys."""

    def survey(self, request: ColorizeRequest, report: Report) -> Survey:
        """Looks at one page. Raises `InvalidInput` for what the artist can put right."""

    def read_survey(self, content: bytes) -> Survey:
        """A survey from its bytes."""

    def compare(self, one: Survey, other: Survey) -> Likeness:
        """How likely each region of one page and each of the other show the same thing."""

    def agree(self, surveys: Sequence[Survey], likeness: Mapping[tuple[int, int], Likeness]) -> list[Survey]:
        """What `colorize_surveyed` needs of the surveys, with the colours all pages agreed on.

        Args:
            surveys: of the pages in their order.
            likeness: by the places of two pages in it, the lower one first; pages that aren't in it don't matter to
                each other.
        """

    def colorize_surveyed(self, request: ColorizeRequest, survey: Survey, report: Report) -> Result:
        """Paints one page as surveyed; the request is that of the survey."""


def neighbours(count: int) -> list[tuple[int, int]]:
    """The pairs of `count` pages that are compared, by their places, the lower one first."""
    return [(one, other) for one in range(count) for other in range(one + 1, min(one + 1 + REACH, count))]


def agree(
    engine: SequenceEngine,
    surveys: Sequence[Survey],
    compare: Callable[[int, int], Likeness | None],
) -> list[Survey]:
    """Compares the neighbours of a sequence and lets all pages agree on colours; what `colorize_surveyed` takes.

    Args:
        engine: loaded.
        surveys: of the pages in their order.
        compare: the likeness of two pages by their places; None where it isn't known.
    """
    found = {pair: compare(*pair) for pair in neighbours(len(surveys))}
    return engine.agree(surveys, {pair: likeness for pair, likeness in found.items() if likeness is not None})
