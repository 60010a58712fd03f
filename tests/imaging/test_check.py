"""Where to look: suspect regions as places and in a mask, openings in the lines, and the layer that shows them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from colorizer.imaging.check import MOST_PLACES, Suspects, check_layer, find_openings, make_check
from colorizer.imaging.lines import find_ink
from colorizer.imaging.regions import Regions, find_regions
from colorizer.imaging.values import PlaceKind
from drawn import box_sketch

INK = find_ink(box_sketch(256))
BOX = find_regions(INK)


def label(x: int, y: int) -> int:
    return int(BOX.labels[y, x])


def only(*labels: int, count: int = BOX.count) -> np.ndarray:
    return np.isin(np.arange(count), labels)


def check(*suspects: Suspects, openings=()):
    return make_check(BOX, np.linspace(0.1, 0.3, BOX.count, dtype=np.float32), suspects, openings)


def test_suspect_region_is_a_place_and_in_the_mask() -> None:
    left = label(96, 128)
    found = check(Suspects(PlaceKind.DOUBTFUL, only(left)))
    (place,) = found.places
    assert (place.kind, place.confidence) == (PlaceKind.DOUBTFUL, pytest.approx(0.1 + 0.1 * left))
    assert place.x == pytest.approx(64, abs=2)
    assert place.x + place.width == pytest.approx(128, abs=2)
    assert ((found.mask == 255) == (BOX.labels == left)).all()


def test_first_reason_counts() -> None:
    left = only(label(96, 128))
    found = check(Suspects(PlaceKind.UNPAINTED, left), Suspects(PlaceKind.DOUBTFUL, left))
    assert [place.kind for place in found.places] == [PlaceKind.UNPAINTED]


def test_largest_place_first() -> None:
    found = check(Suspects(PlaceKind.DOUBTFUL, np.ones(3, bool)))
    assert found.places[0].width == 256
    assert len(found.places) == 3


def test_nothing_suspect_nothing_marked() -> None:
    found = check()
    assert found.places == ()
    assert not found.mask.any()


def grid(step: int) -> Regions:
    """Squares of 10 px, `step` px from each other on a canvas of 600 px; the last label is all around them."""
    labels = np.full((600, 600), (600 // step) ** 2, np.int32)
    for number in range((600 // step) ** 2):
        y, x = divmod(number, 600 // step)
        labels[y * step : y * step + 10, x * step : x * step + 10] = number
    return Regions(labels, labels, (600 // step) ** 2 + 1)


def doubted(regions: Regions, *labels: int):
    suspects = Suspects(PlaceKind.DOUBTFUL, only(*(labels or range(regions.count - 1)), count=regions.count))
    return make_check(regions, np.full(regions.count, 0.25, np.float32), [suspects], [])


def test_places_are_few() -> None:
    labels = np.arange(64, dtype=np.int32).reshape(8, 8).repeat(75, 0).repeat(75, 1)
    everything = Suspects(PlaceKind.DOUBTFUL, np.ones(64, bool))
    found = make_check(Regions(labels, labels, 64), np.zeros(64, np.float32), [everything], [])
    assert len(found.places) == MOST_PLACES
    assert found.mask.all()


def test_nobody_is_sent_to_a_speck() -> None:
    found = doubted(grid(100), 7)
    assert found.places == ()
    assert found.mask.sum() == 100 * 255


def test_specks_side_by_side_are_one_place() -> None:
    (place,) = doubted(grid(20), *range(5), *range(30, 35)).places
    assert (place.x, place.y, place.width, place.height) == (0, 0, 90, 30)
    assert place.confidence == 0.25


def test_a_place_is_no_larger_than_a_glance() -> None:
    found = doubted(grid(20))
    assert 1 < len(found.places) <= MOST_PLACES
    assert max(max(place.width, place.height) for place in found.places) <= 0.2 * 600


def test_what_is_doubted_most_comes_first() -> None:
    labels = np.arange(3, dtype=np.int32).repeat(100)[None].repeat(300, 0)
    wanted = Suspects(PlaceKind.DOUBTFUL, only(0, 2, count=3))
    found = make_check(Regions(labels, labels, 3), np.array([0.4, 1, 0.1], np.float32), [wanted], [])
    assert [place.x for place in found.places] == [200, 0]


@pytest.mark.parametrize(("gap", "found"), [(0, 0), (6, 0), (14, 1)])
def test_wide_openings_are_found(gap: int, found: int) -> None:
    ink = find_ink(box_sketch(512, gap=gap))
    openings = find_openings(find_regions(ink, gap=0.04), least=0.015)
    assert len(openings) == found
    for opening in openings:
        assert (opening.x, opening.y) == (pytest.approx(192, abs=9), pytest.approx(128, abs=9))
        assert opening.width == pytest.approx(gap, abs=4)


def test_opening_becomes_a_leak() -> None:
    ink = find_ink(box_sketch(512, gap=14))
    regions = find_regions(ink, gap=0.04)
    openings = find_openings(regions, least=0.015)
    found = make_check(regions, np.full(regions.count, 0.5, np.float32), [], openings)
    (place,) = found.places
    assert place.kind is PlaceKind.LEAK
    assert place.x < 192 < place.x + place.width
    assert found.mask[128, 192] == 255


def test_places_lie_on_large_canvases() -> None:
    sketch = cv2.resize(box_sketch(512), (3000, 3000), interpolation=cv2.INTER_NEAREST)
    regions = find_regions(find_ink(sketch))
    found = make_check(
        regions, np.zeros(regions.count, np.float32), [Suspects(PlaceKind.DOUBTFUL, np.ones(3, bool))], []
    )
    assert found.mask.shape == (3000, 3000)
    assert (found.places[0].x, found.places[0].width) == (0, 3000)
    assert found.places[1].x == pytest.approx(750, abs=15) or found.places[1].x == pytest.approx(1500, abs=15)


def test_layer_shows_only_what_is_marked() -> None:
    layer = check_layer(check(Suspects(PlaceKind.DOUBTFUL, only(label(96, 128)))))
    assert layer.name == "Check me"
    assert ((layer.pixels[..., 3] > 0) == (BOX.labels == label(96, 128))).all()
