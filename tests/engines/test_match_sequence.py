"""Pages of a sequence agree: surveys travel as bytes, same regions vote together, near colours become one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from colorizer.engines.base import ColorizeRequest, Mode, Reference
from colorizer.engines.match.readout import Colouring
from colorizer.engines.match.sequence import Survey, agree
from colorizer.engines.sequences import SequenceEngine
from drawn import GREEN, RED, box_mask, box_reference, box_sketch
from engines.match_stand_ins import SamePlace, engine
from listening import Silent

REQUEST = ColorizeRequest(box_sketch(), (Reference(box_reference(), box_mask()),), sketch_mask=box_mask())
MATCH = engine(SamePlace())


@pytest.fixture(scope="module")
def survey() -> Survey:
    return MATCH.survey(REQUEST, Silent())


def with_votes(survey: Survey, palette: list[tuple[int, int, int]], votes: list[list[float]]) -> Survey:
    """A page whose regions vote like this."""
    return replace(survey, palette=np.array(palette, np.uint8), votes=np.array(votes, np.float32))


def test_match_is_a_sequence_engine() -> None:
    assert isinstance(MATCH, SequenceEngine)


@pytest.mark.parametrize("mode", list(Mode))
def test_surveyed_page_is_painted_as_ever(mode: Mode) -> None:
    request = replace(REQUEST, mode=mode)
    surveyed = MATCH.colorize_surveyed(request, MATCH.survey(request, Silent()), Silent())
    for ours, plain in zip(surveyed.layers, MATCH.colorize(request, Silent()).layers, strict=True):
        assert (ours.pixels == plain.pixels).all()


def test_survey_survives_its_bytes(survey: Survey) -> None:
    again = MATCH.read_survey(survey.to_bytes())
    assert (again.votes == survey.votes).all()
    assert (again.glance.labels == survey.glance.labels).all()
    assert isinstance(again.match.foreground, Colouring)
    assert again.to_bytes() == survey.to_bytes()


def test_a_page_is_like_itself(survey: Survey) -> None:
    alike = MATCH.compare(survey, survey)
    seen = survey.glance.cells(len(survey.votes), 1)[:, 0] > 0.01
    assert (alike.argmax(1)[seen] == np.flatnonzero(seen)).all()
    assert alike[seen][:, seen].diagonal().min() > 0.5


def test_regions_of_two_sides_are_unlike(survey: Survey) -> None:
    other = replace(survey, match=replace(survey.match, is_foreground=~survey.match.is_foreground))
    assert MATCH.compare(survey, other)[survey.match.is_foreground][:, survey.match.is_foreground].max() == 0


def test_the_surer_page_wins(survey: Survey) -> None:
    count = len(survey.votes)
    sure = with_votes(survey, [RED, GREEN], [[0.9, 0.1]] * count)
    unsure = with_votes(survey, [RED, GREEN], [[0.4, 0.5]] * count)
    alike = np.eye(count, dtype=np.float32)
    first, second = agree([sure, unsure], {(0, 1): alike})
    assert first.match.foreground is not None
    assert second.match.foreground is not None
    shown = survey.match.is_foreground
    assert (second.match.foreground.colours[shown] == RED).all()
    # The colour is the other page's; this page's own votes say how sure it is of it.
    assert (
        second.match.foreground.confidence[shown].max() < 0.5 < first.match.foreground.confidence[shown].min()
    )


def test_unlike_pages_stay_as_they_are(survey: Survey) -> None:
    count = len(survey.votes)
    pages = [with_votes(survey, [colour], [[1.0]] * count) for colour in (RED, GREEN)]
    agreed = agree(pages, {(0, 1): np.zeros((count, count), np.float32)})
    shown = survey.match.is_foreground
    for page, colour in zip(agreed, (RED, GREEN), strict=True):
        assert page.match.foreground is not None
        assert (page.match.foreground.colours[shown] == colour).all()


def test_colours_that_look_alike_become_one(survey: Survey) -> None:
    count = len(survey.votes)
    near = (RED[0], RED[1] + 3, RED[2])
    pages = [with_votes(survey, [colour], [[1.0]] * count) for colour in (RED, near)]
    painted = [page.match.foreground for page in agree(pages, {})]
    assert all(side is not None for side in painted)
    shown = survey.match.is_foreground
    assert len(np.unique(np.concatenate([side.colours[shown] for side in painted if side]), axis=0)) == 1


def test_no_votes_no_change(survey: Survey) -> None:
    silent = replace(
        survey, palette=np.zeros((0, 3), np.uint8), votes=np.zeros((len(survey.votes), 0), np.float32)
    )
    (agreed,) = agree([silent], {})
    assert agreed is silent
