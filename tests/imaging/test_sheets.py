"""Sheets are taken apart, and what was made of their parts is put together without a seam."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from colorizer.imaging.lines import find_ink
from colorizer.imaging.regions import find_regions
from colorizer.imaging.sheets import Sheet, find_bubbles, join_checks, join_layers, join_regions, read_sheet
from colorizer.imaging.values import Check, Layer, Place, PlaceKind, Role
from documents import on_paper, small_on_sheet
from drawn import BLUE, RED, blank, box_sketch, opaque
from drawn_pages import WHITE, Page, Style, doll, draw_page


def sheet_of(sketch: np.ndarray) -> Sheet:
    sheet = read_sheet(sketch)
    assert sheet is not None
    return sheet


@pytest.fixture(scope="module")
def page() -> Page:
    return draw_page(2, 800, 800, panels=4)


@pytest.fixture(scope="module")
def sheet(page: Page) -> Sheet:
    return sheet_of(page.sketch())


def test_single_picture_stays_whole() -> None:
    assert read_sheet(box_sketch(256)) is None
    assert read_sheet(opaque(255 - doll(400, 3)[1])) is None
    assert read_sheet(blank(300, 300)) is None


def test_panels_are_parts(page: Page, sheet: Sheet) -> None:
    assert sheet.panels == len(sheet.parts) == 4
    for part in sheet.parts:
        assert part.mask is not None
        assert part.mask.shape == (part.height, part.width)
        assert part.mask.max() == 255


def test_lettering_and_bare_frames_are_left_out_of_what_is_coloured(page: Page, sheet: Sheet) -> None:
    words = (page.labels == WHITE) & (page.lines > 200)
    words[:, :30] = words[:30] = False
    assert find_ink(sheet.sketch)[words].mean() < 0.3 * 255
    figures = (page.labels > 0) & (page.labels < WHITE) & (page.lines > 200)
    assert find_ink(sheet.sketch)[figures].mean() > 0.9 * 255


@pytest.mark.parametrize("transparent", [False, True])
def test_small_figure_is_a_part_with_a_margin(*, transparent: bool) -> None:
    lines = np.zeros((1200, 1600), np.uint8)
    lines[700:1000, 900:1200] = doll(300, 3)[1]
    sheet = sheet_of(Page(lines, lines).sketch(transparent=transparent))
    (part,) = sheet.parts
    assert sheet.panels == 0
    assert part.mask is None
    assert (part.x, part.y) <= (940, 700)
    assert part.width < 500


def test_small_figure_is_a_part_without_the_notes_around() -> None:
    lines = small_on_sheet(256, notes=False).lines
    for row, text in enumerate(("CUT 7", "hold 8")):
        cv2.putText(lines, text, (60, 60 + 80 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 255, 2, cv2.LINE_AA)
    (part,) = sheet_of(on_paper(lines)).parts
    assert part.x > 400
    assert part.height < 300


def test_region_with_words_is_a_bubble(page: Page, sheet: Sheet) -> None:
    for part in sheet.parts:
        regions = find_regions(find_ink(np.ascontiguousarray(sheet.sketch[part.box])))
        found = find_bubbles(part, regions)[regions.labels]
        bubble = (page.labels[part.box] == WHITE) & (part.mask > 0)
        inner = bubble & (page.lines[part.box] == 0)
        if inner.sum() > 2000:
            assert found[inner].mean() > 0.8
        figure = (page.labels[part.box] > 0) & ~bubble & (page.lines[part.box] == 0) & (part.mask > 0)
        assert found[figure].mean() < 0.02


def painted(sheet: Sheet, colours: list[tuple[int, int, int]]) -> list[tuple[Layer, ...]]:
    results = []
    for part, colour in zip(sheet.parts, colours, strict=True):
        mask = np.full((part.height, part.width), 255, np.uint8)
        picture = blank(part.width, part.height, colour)
        results.append(
            (
                Layer("Background", Role.BACKGROUND, picture, mask=255 - mask, mask_name="Background mask"),
                Layer("Flats", Role.FOREGROUND, picture, mask=mask, mask_name="Foreground mask"),
            )
        )
    return results


def test_gutters_are_paper_in_the_background(sheet: Sheet) -> None:
    papers = [np.zeros((part.height, part.width), np.uint8) for part in sheet.parts]
    background, flats = join_layers(sheet, painted(sheet, [RED, BLUE, RED, RED]), papers, tinted=False)
    gutter = np.ones(sheet.sketch.shape[:2], bool)
    for part in sheet.parts:
        gutter[part.box] &= part.mask == 0
    assert background.mask is not None
    assert flats.mask is not None
    assert (background.pixels[gutter] == 255).all()
    assert (background.mask[gutter] == 255).all()
    assert not flats.mask[gutter].any()
    assert (flats.mask[~gutter] == 255).all()
    second = sheet.parts[1]
    assert (flats.pixels[second.box][second.mask > 0][:, :3] == BLUE).all()


def test_tinted_gutters_take_the_most_frequent_colour(sheet: Sheet) -> None:
    papers = [np.zeros((part.height, part.width), np.uint8) for part in sheet.parts]
    background, _ = join_layers(sheet, painted(sheet, [RED, BLUE, RED, RED]), papers, tinted=True)
    assert tuple(background.pixels[2, 2]) == (*RED, 255)


def test_part_without_a_mask_goes_on_around() -> None:
    lines = np.zeros((900, 1200), np.uint8)
    lines[500:750, 700:950] = doll(250, 3)[1]
    sheet = sheet_of(Page(lines, lines).sketch())
    (part,) = sheet.parts
    layers = join_layers(
        sheet, painted(sheet, [BLUE]), [np.zeros((part.height, part.width), np.uint8)], tinted=False
    )
    assert all((layer.pixels[..., :3] == BLUE).all() for layer in layers)
    regions = join_regions(sheet, [find_regions(find_ink(np.ascontiguousarray(sheet.sketch[part.box])))])
    assert regions.labels.shape == (900, 1200)
    assert regions.labels[0, 0] == regions.labels[899, 0]


def test_regions_of_panels_are_apart_and_numbered_without_holes(sheet: Sheet) -> None:
    found = [find_regions(find_ink(np.ascontiguousarray(sheet.sketch[part.box]))) for part in sheet.parts]
    regions = join_regions(sheet, found)
    assert set(np.unique(regions.labels)) == set(range(regions.count)) == set(np.unique(regions.coarse))
    own = [set(np.unique(regions.labels[part.box][part.mask > 0])) for part in sheet.parts]
    assert all(not one & other for i, one in enumerate(own) for other in own[:i])


def test_checks_lie_where_their_parts_do(sheet: Sheet) -> None:
    checks, papers = [], []
    for part in sheet.parts:
        mask = np.zeros((part.height, part.width), np.uint8)
        mask[50:80, 50:80] = 255
        checks.append(Check(mask, (Place(PlaceKind.DOUBTFUL, 50, 50, 30, 30, 0.2),)))
        papers.append(np.zeros_like(mask))
    papers[0][:] = 255
    joined = join_checks(sheet, checks, papers)
    assert joined is not None
    assert len(joined.places) == 3
    for place in joined.places:
        assert joined.mask[place.y : place.y + place.height, place.x : place.x + place.width].all()
    assert join_checks(sheet, [None] * 4, papers) is None


def test_dark_paper_stays_dark() -> None:
    page = draw_page(2, 800, 800, panels=4, style=Style(bubbles=False))
    dark = page.sketch()
    dark[..., :3] = 255 - dark[..., :3]
    assert sheet_of(dark).paper == (0, 0, 0)


def test_few_strokes_in_a_row_are_drawing_where_there_are_no_panels() -> None:
    """The features of a face may look like a short word."""
    ink = np.zeros((600, 600), np.uint8)
    cv2.circle(ink, (300, 300), 270, 255, 3)
    for text, expected in (("Wait!", None), ("Wait for me, please", Sheet)):
        drawn = ink.copy()
        cv2.putText(drawn, text, (120, 320), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 255, 2, cv2.LINE_AA)
        assert isinstance(read_sheet(opaque(255 - drawn)), expected or type(None))
