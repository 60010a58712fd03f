"""A reference in nearly the same pose is deformed until its edges lie under the sketch's lines."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from colorizer.engines.match.deformation import Deformation, deform
from colorizer.engines.match.readout import UNFIT, fit_evidence
from colorizer.engines.match.registration import Map, lay_under, register
from colorizer.imaging.lines import Ink
from colorizer.imaging.regions import find_regions
from documents import PAPER, Drawing, Part, draw
from drawn import Picture
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

SIDE = 480
CAT = draw(SIDE, 2)
HOUSE = draw(
    SIDE,
    2,
    (
        Part((240, 220, 170), corners=((0.2, 0.42), (0.8, 0.42), (0.8, 0.92), (0.2, 0.92))),
        Part((180, 70, 50), corners=((0.12, 0.44), (0.5, 0.12), (0.88, 0.44))),
        Part((90, 60, 40), corners=((0.44, 0.66), (0.56, 0.66), (0.56, 0.92), (0.44, 0.92))),
    ),
)


def bent(reference: Picture, by: float, phase: float) -> Picture:
    """The reference with its rows and columns displaced along waves, by up to `by` px."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    columns = x + by * np.sin(2 * np.pi * y / (0.7 * SIDE) + phase)
    rows = y + by * np.cos(2 * np.pi * x / (0.8 * SIDE) + phase)
    moved = cv2.remap(
        reference,
        *(one.astype(np.float32) for one in (columns, rows)),
        cv2.INTER_LINEAR,
        borderValue=(255,) * 4,
    )
    return np.asarray(moved, np.uint8)


def right(drawing: Drawing, reference: Picture, found: Map) -> float:
    """The share of the figure's pixels off the lines under which the right colour lies."""
    overlay = lay_under(drawing.lines, reference, None, found)
    inside = (drawing.labels != PAPER) & (cv2.dilate(drawing.lines, np.ones((5, 5), np.uint8)) == 0)
    apart = np.abs(overlay.colours.astype(int) - drawing.flats).max(axis=2)
    return float((apart[inside] < 12).mean())


def deformed(ink: Ink, reference: Picture) -> Deformation:
    return deform(ink, reference, register(ink, None, reference, None))


@given(by=st.floats(5, 9), phase=st.floats(0, 6))
@settings(max_examples=8, deadline=None)
def test_bent_reference_lies_under_the_lines(by: float, phase: float) -> None:
    reference = bent(CAT.reference, by, phase)
    found = deformed(CAT.lines, reference)
    before, after = (right(CAT, reference, one) for one in (found.registration, found))
    assert after > 0.93
    assert after >= before
    regions = find_regions(CAT.lines)
    inside = regions.shares(np.where(CAT.labels != PAPER, np.uint8(255), np.uint8(0))) > 0.9
    assert np.median(found.fits(regions)[inside]) > UNFIT


def test_reference_in_the_same_pose_stays() -> None:
    found = deformed(CAT.lines, CAT.reference)
    assert np.linalg.norm(found.by, axis=2)[found.lines > 0.1].mean() < 0.5
    assert right(CAT, CAT.reference, found) > 0.99


def test_reference_in_another_pose_doesnt_fit() -> None:
    regions = find_regions(CAT.lines)
    assert np.mean(deformed(CAT.lines, HOUSE.reference).fits(regions) > UNFIT) < 0.1


def test_same_pictures_are_deformed_alike() -> None:
    reference = bent(CAT.reference, 6, 1)
    first, second = (deformed(CAT.lines, reference) for _ in range(2))
    assert (first.by == second.by).all()
    assert (first.fit == second.fit).all()


@given(shape=st.tuples(st.integers(1, 300), st.integers(1, 300)), thin=st.integers(1, 30))
@settings(max_examples=20, deadline=None)
def test_strips_are_deformed(shape: tuple[int, int], thin: int) -> None:
    """OpenCV's flow ends the process for some of them."""
    rng = np.random.default_rng(thin)
    ink = (rng.random((thin, shape[1])) > 0.9).astype(np.uint8) * np.uint8(255)
    reference = rng.integers(0, 256, (*shape, 4)).astype(np.uint8)
    assert np.isfinite(deformed(ink, reference).by).all()


@pytest.mark.parametrize("paper", [np.zeros((64, 90), np.uint8), np.full((64, 90), 255, np.uint8)])
def test_pictures_without_lines_fit_nothing(paper: NDArray[np.uint8]) -> None:
    blank = np.full((50, 40, 4), 255, np.uint8)
    found = deformed(paper, blank)
    assert np.isfinite(found.by).all()
    assert (found.fits(find_regions(CAT.lines)) < UNFIT).all()


def test_what_fits_says_more_and_what_does_not_nothing() -> None:
    palette = np.array([(200, 30, 40), (30, 60, 190)], np.uint8)
    there = np.array([[0.9, 0.0]] * 4, np.float32)
    fits, sizes = np.array([UNFIT, 0.7, 0.9, 0.9]), np.array([0.01, 0.01, 0.01, 0.4])
    none, some, more, large = fit_evidence(there, palette, fits, sizes)
    assert torch.equal(none, torch.zeros(2))
    assert 0 < (large[0] - large[1]).item() < (some[0] - some[1]).item() < (more[0] - more[1]).item()
