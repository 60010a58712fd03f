"""The panels of comic pages agree on colours as the frames of an animation do."""

from __future__ import annotations

import numpy as np
import pytest
from colorizer.engines.base import ColorizeRequest, Reference
from colorizer.engines.page_sequences import PageSequences, PageSurvey
from colorizer.engines.pages import Pages, with_pages
from colorizer.engines.sequences import SequenceEngine
from colorizer.imaging.layers import flatten
from drawn import box_reference, box_sketch
from drawn_pages import draw_page
from listening import Silent
from match_stand_ins import engine, random_network

MATCH = engine(random_network())
PAGES = with_pages(MATCH)
REFERENCES = (Reference(box_reference()),)


@pytest.fixture(scope="module")
def requests() -> list[ColorizeRequest]:
    sketches = [draw_page(seed, 420, 420, panels=2 + seed).sketch() for seed in (0, 1)]
    return [ColorizeRequest(sketch, REFERENCES) for sketch in (*sketches, box_sketch(128))]


@pytest.fixture(scope="module")
def surveys(requests: list[ColorizeRequest]) -> list[PageSurvey]:
    assert isinstance(PAGES, SequenceEngine)
    return [PAGES.survey(request, Silent()) for request in requests]  # type: ignore[misc]


def test_panels_are_surveyed_by_themselves(surveys: list[PageSurvey]) -> None:
    assert [len(survey.panels) for survey in surveys] == [2, 3, 1]
    assert set(surveys[1].within) == {(0, 1), (0, 2), (1, 2)}


def test_surveys_come_back_from_their_bytes(surveys: list[PageSurvey]) -> None:
    for survey in surveys:
        again = PAGES.read_survey(survey.to_bytes())  # type: ignore[attr-defined]
        assert again.to_bytes() == survey.to_bytes()


def test_pages_agree_and_are_painted_so(requests: list[ColorizeRequest], surveys: list[PageSurvey]) -> None:
    likeness = {
        (one, other): PAGES.compare(surveys[one], surveys[other])  # type: ignore[attr-defined]
        for one, other in ((0, 1), (1, 2), (0, 2))
    }
    agreed = PAGES.agree(surveys, likeness)  # type: ignore[attr-defined]
    for request, survey in zip(requests, agreed, strict=True):
        stored = PAGES.read_survey(survey.to_bytes())  # type: ignore[attr-defined]
        result = PAGES.colorize_surveyed(request, stored, Silent())  # type: ignore[attr-defined]
        height, width = request.sketch.shape[:2]
        assert flatten(result.layers, width, height)[..., 3].min() == 255
    assert result.report.get("panels") is None


def test_single_pictures_agree_as_without_pages() -> None:
    requests = [ColorizeRequest(np.roll(box_sketch(128), shift, 1), REFERENCES) for shift in (0, 8)]
    paged = [PAGES.survey(request, Silent()) for request in requests]  # type: ignore[attr-defined]
    plain = [MATCH.survey(request, Silent()) for request in requests]
    agreed = PAGES.agree(paged, {(0, 1): PAGES.compare(*paged)})  # type: ignore[attr-defined]
    expected = MATCH.agree(plain, {(0, 1): MATCH.compare(*plain)})
    assert [survey.panels[0].to_bytes() for survey in agreed] == [survey.to_bytes() for survey in expected]


def test_engine_without_sequences_has_none() -> None:
    class Alone:
        info = MATCH.info

        def weights(self, model: str = "") -> None:
            return None

        def load(self, device: str, model: str = "") -> None: ...
        def colorize(self, request: object, report: object) -> None: ...
        def foreground_mask(self, picture: object, report: object) -> None: ...

    made = with_pages(Alone())  # type: ignore[arg-type]
    assert isinstance(made, Pages)
    assert made.sequences is None
    assert not isinstance(made, SequenceEngine)
    assert isinstance(PAGES.sequences, PageSequences)  # type: ignore[attr-defined]
