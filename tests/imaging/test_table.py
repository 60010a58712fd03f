"""Of the photo of a sheet on a table, the table is left out, edge of the sheet included; nothing else is cut off."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from colorizer.imaging.lines import clean_lines, find_ink, line_mask
from colorizer.imaging.table import without_table
from documents import on_a_table, turned
from drawn import blank, box_sketch, opaque
from hypothesis import given, settings
from hypothesis import strategies as st

SIZE = 512


def sheet(angle: float) -> np.ndarray:
    """(SIZE, SIZE), 255 = on the turned sheet."""
    return turned(np.full((SIZE, SIZE), 255, np.uint8), angle, smooth=True)


@given(
    angle=st.floats(-45, 45),
    table=st.tuples(*[st.integers(20, 140)] * 3),
    light=st.floats(0.6, 1),
    noise=st.floats(0, 5),
    size=st.sampled_from([320, 512, 900]),
)
@settings(max_examples=20, deadline=None)
def test_lines_of_a_sheet_on_a_table(
    angle: float, table: tuple[int, int, int], light: float, noise: float, size: int
) -> None:
    drawn = cv2.resize(255 - box_sketch(SIZE, line=5)[..., 0], (size, size), interpolation=cv2.INTER_AREA)
    photo = on_a_table(drawn, np.random.default_rng(0), angle, table, light=light, noise=noise)
    lines = turned(drawn, angle, smooth=True)
    found = line_mask(find_ink(photo)) > 0
    assert found[lines > 200].mean() > 0.97
    assert found[cv2.dilate(lines, np.ones((7, 7), np.uint8)) == 0].mean() < 0.002
    assert not clean_lines(photo)[0, 0].any()


def test_shadow_across_sheet_and_table_takes_nothing_of_the_sheet() -> None:
    photo = on_a_table(255 - box_sketch(SIZE)[..., 0], np.random.default_rng(0), 20, (70, 50, 40))
    photo[:, 260:, :3] //= 2
    inside = cv2.erode(sheet(20), np.ones((15, 15), np.uint8)) > 0
    assert (without_table(photo)[inside, 3] == 255).all()


def test_grain_of_wood_is_table() -> None:
    photo = on_a_table(255 - box_sketch(SIZE)[..., 0], np.random.default_rng(0), 12, (110, 70, 50))
    stripes = 0.25 * np.sin(np.arange(SIZE) / 6)[:, None, None]
    outside = (sheet(12) == 0)[..., None]
    photo[..., :3] = np.where(outside, photo[..., :3] * (1 + stripes), photo[..., :3])
    seen = without_table(photo)[..., 3]
    assert (seen[sheet(12) == 0] > 0).mean() < 0.01
    assert (seen[cv2.erode(sheet(12), np.ones((15, 15), np.uint8)) > 0] == 255).all()


def lit(photo: np.ndarray, outline: list[tuple[int, int]], shade: float) -> np.ndarray:
    """The photo in shadow, but for a part of it."""
    light = np.full(photo.shape[:2], shade, np.float32)
    cv2.fillPoly(light, [np.array(outline)], 1)
    light = cv2.GaussianBlur(light, (0, 0), 1.5)
    return np.dstack([np.rint(photo[..., :3] * light[..., None]).astype(np.uint8), photo[..., 3]])


@given(
    outline=st.sampled_from(
        [
            [(511, 40), (511, 511), (40, 511)],
            [(80, 200), (430, 160), (440, 470), (60, 450)],
            [(200, 60), (460, 140), (480, 400), (300, 470), (170, 420)],
        ]
    ),
    shade=st.floats(0.3, 0.7),
    noise=st.floats(0, 5),
    ink=st.integers(0, 120),
)
@settings(max_examples=20, deadline=None)
def test_lit_part_of_a_drawing_is_no_sheet(
    outline: list[tuple[int, int]], shade: float, noise: float, ink: int
) -> None:
    grain = np.random.default_rng(0).normal(0, noise, (SIZE, SIZE, 1))
    photo = np.maximum(box_sketch(SIZE, line=5), [ink, ink, ink, 255]).astype(np.float32)
    photo[..., :3] = np.clip(photo[..., :3] + grain, 0, 255)
    shadowed = lit(photo.astype(np.uint8), outline, shade)
    assert without_table(shadowed) is shadowed


def test_strip_of_table_at_the_edge_of_the_photo_is_no_line() -> None:
    photo = blank(SIZE, SIZE, (70, 50, 40))
    outline = np.array([(24, 0), (511, 24), (487, 511), (0, 487)])
    cv2.fillPoly(photo, [outline], (240, 240, 240, 255))
    cv2.circle(photo, (256, 256), 120, (20, 20, 20, 255), 4)
    on_sheet = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(on_sheet, [outline], 1)
    seen = without_table(photo)[..., 3]
    assert (seen[cv2.dilate(on_sheet, np.ones((5, 5), np.uint8)) == 0] == 0).all()
    assert (seen[cv2.erode(on_sheet, np.ones((15, 15), np.uint8)) > 0] == 255).all()


def silhouette() -> np.ndarray:
    """Black all around a figure."""
    picture = blank(SIZE, SIZE, (0, 0, 0))
    cv2.circle(picture, (256, 130), 90, (255,) * 4, -1)
    cv2.fillPoly(picture, [np.array([(230, 200), (280, 200), (460, 480), (60, 480)])], (255,) * 4)
    return picture


def spotlight() -> np.ndarray:
    picture = blank(SIZE, SIZE, (10, 10, 10))
    cv2.circle(picture, (256, 256), 220, (255,) * 4, -1)
    return picture


def black_page() -> np.ndarray:
    picture = blank(SIZE, SIZE, (0, 0, 0))
    for left in (20, 270):
        for top in (20, 270):
            cv2.rectangle(picture, (left, top), (left + 220, top + 220), (255,) * 4, -1)
    return picture


@pytest.mark.parametrize("draw", [silhouette, spotlight, black_page, lambda: box_sketch(SIZE)])
def test_what_is_black_in_other_pictures_stays(draw: object) -> None:
    picture = draw()  # type: ignore[operator]
    assert without_table(picture) is picture


def test_ground_below_a_figure_is_no_table() -> None:
    picture = box_sketch(SIZE)
    picture[400:, :, :3] = 20
    assert without_table(picture) is picture


@pytest.mark.parametrize("size", [(1, 1), (5, 400), (400, 5)])
def test_tiny_pictures(size: tuple[int, int]) -> None:
    picture = opaque(np.random.default_rng(0).integers(0, 255, size, np.uint8))
    assert without_table(picture) is picture
