"""Every engine colours pages panel by panel behind the same door."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from colorizer.engines import last_stage, registry
from colorizer.engines.base import (
    Binding,
    ColorizeRequest,
    Engine,
    Layer,
    Mode,
    Options,
    Reference,
    Result,
    Role,
)
from colorizer.engines.pages import with_pages
from colorizer.errors import NothingToColour
from colorizer.imaging import lines
from colorizer.imaging.layers import flatten
from colorizer.imaging.lines import find_ink
from colorizer.imaging.values import LayerState, Redo
from drawn import BLUE, RED, blank, box_reference, box_sketch, opaque
from drawn_pages import DOLL, WHITE, Page, Style, doll, doll_reference, draw_page
from listening import Silent
from match_stand_ins import SamePlace
from match_stand_ins import engine as match_engine


class Painter:
    """An engine that paints each picture it is given in another colour, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[ColorizeRequest] = []

    @property
    def info(self) -> object:
        return registry.get("match").info

    def weights(self, model: str = "") -> None:
        return None

    def load(self, device: str, model: str = "") -> None: ...

    def colorize(self, request: ColorizeRequest, report: Silent) -> Result:
        find_ink(request.sketch)
        report.stage("Painting", len(self.asked) % 4, 4)
        self.asked.append(request)
        height, width = request.sketch.shape[:2]
        colour = (30 * min(8, len(self.asked)), 0, 0)
        layer = Layer("Flats", Role.FOREGROUND, blank(width, height, colour))
        return Result((layer,), {"palette": [f"#{colour[0]:02x}0000"], "regions": 3, "confidence": 0.5})

    def foreground_mask(self, picture: np.ndarray, report: Silent) -> np.ndarray:
        return np.full(picture.shape[:2], 255, np.uint8)


@pytest.fixture(scope="module")
def page() -> Page:
    return draw_page(2, 800, 800, panels=4)


def ask(sketch: np.ndarray, **more: object) -> ColorizeRequest:
    return ColorizeRequest(sketch, (Reference(box_reference()),), **more)  # type: ignore[arg-type]


def test_each_panel_is_a_picture_of_its_own(page: Page) -> None:
    painter = Painter()
    result = with_pages(painter).colorize(ask(page.sketch()), Silent())
    assert len(painter.asked) == 4
    assert result.report["panels"] == 4
    assert result.report["regions"] == 12
    assert result.report["confidence"] == 0.5
    assert result.report["palette"][-1] == "#ffffff"
    shown = flatten(result.layers, 800, 800)
    for panel in page.panels:
        paints = shown[(panel > 0) & (page.labels != WHITE) & (page.lines == 0)][:, 0]
        assert np.unique(paints, return_counts=True)[1].max() > 0.95 * len(paints)
    gutter = np.ones((800, 800), bool)
    for panel in page.panels:
        gutter &= panel == 0
    assert (shown[gutter & (page.lines == 0)] == 255).mean() > 0.97


def test_bubbles_stay_white_and_one_switch_colours_them(page: Page) -> None:
    engine = with_pages(Painter())
    bubbles = (page.labels == WHITE) & np.logical_or.reduce([panel > 0 for panel in page.panels])
    bubbles &= page.lines == 0
    shown = flatten(engine.colorize(ask(page.sketch()), Silent()).layers, 800, 800)
    assert (shown[bubbles] == 255).all(axis=1).mean() > 0.9
    coloured = ask(page.sketch(), options=Options(colour_paper=True))
    shown = flatten(engine.colorize(coloured, Silent()).layers, 800, 800)
    assert not (shown[bubbles] == 255).all(axis=1).any()


def test_single_picture_goes_through_untouched() -> None:
    painter = Painter()
    request = ask(box_sketch(256))
    result = with_pages(painter).colorize(request, Silent())
    assert painter.asked == [request]
    assert "panels" not in result.report


def test_lines_of_a_single_picture_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls, found = [], lines.find_paper

    def find_paper(sketch: np.ndarray) -> object:
        calls.append(sketch)
        return found(sketch)

    monkeypatch.setattr(lines, "find_paper", find_paper)
    with_pages(match_engine(SamePlace())).colorize(ask(box_sketch(256)), Silent())
    assert len(calls) == 1


def test_hints_and_bindings_go_to_their_panel(page: Page) -> None:
    painter = Painter()
    spots = [np.argwhere((panel > 0) & (page.labels > 0) & (page.labels < WHITE))[0] for panel in page.panels]
    bindings = tuple(Binding(int(x), int(y), 0, 5, 5) for y, x in spots)
    hints = np.zeros((800, 800, 4), np.uint8)
    for y, x in spots:
        hints[y, x] = (*RED, 255)
    with_pages(painter).colorize(ask(page.sketch(), bindings=bindings, hints=hints), Silent())
    for asked in painter.asked:
        (binding,) = asked.bindings
        assert asked.hints is not None
        assert asked.hints.shape == asked.sketch.shape
        assert asked.hints[binding.y, binding.x, 3] == 255


def test_hinted_bubble_takes_its_colour(page: Page) -> None:
    bubbles = (page.labels == WHITE) & (page.panels[0] > 0) & (page.lines == 0)
    y, x = np.argwhere(bubbles)[bubbles.sum() // 2]
    hints = np.zeros((800, 800, 4), np.uint8)
    hints[y - 2 : y + 3, x - 2 : x + 3] = (*BLUE, 255)
    engine = with_pages(match_engine(SamePlace()))
    result = engine.colorize(ask(page.sketch(), hints=hints), Silent())
    assert tuple(flatten(result.layers, 800, 800)[y, x, :3]) == BLUE


def test_blank_panel_stays_paper() -> None:
    page = draw_page(2, 800, 800, panels=4, style=Style(bubbles=False))
    blank_panel = page.panels[3] > 0
    sketch = page.sketch()
    sketch[blank_panel & (page.labels > 0), :3] = 255
    inner = np.zeros_like(blank_panel)
    inner[np.ix_(*(np.flatnonzero(blank_panel.any(axis))[12:-12] for axis in (1, 0)))] = True
    sketch[inner, :3] = 255
    result = with_pages(Painter()).colorize(ask(sketch), Silent())
    assert result.report["panels"] == 4
    assert (flatten(result.layers, 800, 800)[inner] == 255).all()


def test_page_without_anything_in_its_panels_says_so() -> None:
    grey = np.full((600, 600), 255, np.uint8)
    for left in (20, 310):
        grey[20:580, left : left + 270] = 0
        grey[24:576, left + 4 : left + 266] = 255
    with pytest.raises(NothingToColour):
        with_pages(Painter()).colorize(ask(opaque(grey)), Silent())


@pytest.mark.parametrize("mode", Mode)
def test_layers_of_every_mode_cover_the_page(page: Page, mode: Mode) -> None:
    engine = with_pages(match_engine(SamePlace()))
    result = engine.colorize(ask(page.sketch(), mode=mode), Silent())
    assert all(layer.pixels.shape == (800, 800, 4) for layer in result.layers)
    assert result.regions is not None
    assert result.regions.labels.shape == (800, 800)
    alpha = flatten(result.layers, 800, 800)[..., 3]
    if mode in (Mode.WHOLE, Mode.SPLIT):
        assert alpha.min() == 255
    assert engine.colorize(ask(page.sketch(), mode=mode), Silent()).layers[0].pixels.tobytes() == (
        result.layers[0].pixels.tobytes()
    )


def test_redo_replaces_only_what_the_change_reaches(page: Page) -> None:
    engine: Engine = with_pages(match_engine(SamePlace()))
    request = ask(page.sketch())
    first = last_stage.colorize(engine, request, Silent())
    shirt = (page.labels == 1 + [name for name, *_ in DOLL].index("shirt")) & (page.panels[1] > 0)
    y, x = np.unravel_index(cv2.distanceTransform(shirt.view(np.uint8), cv2.DIST_L2, 5).argmax(), shirt.shape)
    hints = np.zeros((800, 800, 4), np.uint8)
    hints[y - 2 : y + 3, x - 2 : x + 3] = (1, 2, 3, 255)
    changed = hints[..., 3].copy()
    states = tuple(LayerState(layer.role, layer.pixels, layer.pixels) for layer in first.layers)
    again = replace(request, hints=hints)
    fresh = last_stage.colorize(engine, again, Silent())
    repaired = last_stage.keep_the_rest(fresh, again, Redo(changed, states))
    assert repaired.result.report["redo"]["regions"] == 1
    for layer in repaired.result.layers:
        rows = slice(layer.y, layer.y + layer.pixels.shape[0])
        columns = slice(layer.x, layer.x + layer.pixels.shape[1])
        assert (page.panels[1][rows, columns] > 0).all()


def test_foreground_is_found_in_every_panel(page: Page) -> None:
    mask = with_pages(Painter()).foreground_mask(page.sketch(), Silent())
    assert mask[np.logical_or.reduce([panel > 0 for panel in page.panels])].mean() > 0.97 * 255
    assert mask[2, 2] == 0


def test_progress_runs_through_all_panels(page: Page) -> None:
    shares: list[float] = []

    class Listening(Silent):
        def stage(self, name: str, done: int = 0, total: int = 1) -> None:
            shares.append(done / total)

    with_pages(Painter()).colorize(ask(page.sketch()), Listening())
    assert shares == sorted(shares)
    assert shares[-1] > 0.7


@pytest.mark.parametrize("name", registry.names())
def test_every_engine_has_it(name: str) -> None:
    assert type(registry.get(name)).colorize.__module__ == "colorizer.engines.pages"


def test_figures_of_a_page_are_coloured_as_well_as_alone() -> None:
    """With the built-in weights: every part of every doll in its colour."""
    page = draw_page(4, 1000, 1000, panels=4, style=Style(slant=0.05))
    request = ColorizeRequest(page.sketch(), (Reference(doll_reference()),))
    result = registry.get("match").colorize(request, Silent())
    shown = flatten(result.layers, 1000, 1000)[..., :3].astype(int)
    judged = (page.labels > 0) & (page.lines == 0)
    right = np.abs(shown - page.truth()).max(axis=2) < 12
    assert right[judged].mean() > 0.97


def test_small_figure_is_coloured_as_well_as_a_large_one() -> None:
    lines = np.zeros((2048, 2048), np.uint8)
    labels, ink = doll(300, 3)
    lines[1400:1700, 900:1200] = ink
    sketch = Page(lines, lines).sketch()
    result = registry.get("match").colorize(ColorizeRequest(sketch, (Reference(doll_reference()),)), Silent())
    shown = flatten(result.layers, 2048, 2048)[1400:1700, 900:1200, :3].astype(int)
    judged = (labels > 0) & (ink == 0)
    right = np.abs(shown - Page(ink, labels).truth()).max(axis=2) < 12
    assert right[judged].mean() > 0.97


@pytest.mark.parametrize("figures", [2, 4])  # four make a strip, which is seen in several windows
def test_each_of_several_figures_is_matched_by_itself(figures: int) -> None:
    labels, ink = (np.hstack([np.pad(plane, ((0, 0), (30, 30)))] * figures) for plane in doll(420, 3))
    page = Page(ink, labels)
    request = ColorizeRequest(page.sketch(), (Reference(doll_reference()),))
    result = registry.get("match").colorize(request, Silent())
    shown = flatten(result.layers, 480 * figures, 420)[..., :3].astype(int)
    judged = (labels > 0) & (ink == 0)
    right = np.abs(shown - page.truth()).max(axis=2) < 12
    assert right[judged].mean() > 0.97
