"""The double surface of a drawing: exact labels on one sheet, lines on the other.

Every shape is painted on both at once, so labels and lines agree by construction. Frames nest: inside one, lengths
are in its units, while line widths stay shares of the canvas's edge. Decides nothing about what is drawn.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import skia
from numpy.typing import NDArray

from colorizer_lab.data.lines import LineStyle, lines_from_edges
from colorizer_lab.data.shapes import Path, Point

ByteGrid = NDArray[np.uint8]


@dataclass(frozen=True)
class Drawing:
    """A finished drawing, every grid (S, S)."""

    lines: ByteGrid
    """255 = paper, 0 = ink."""
    parts: ByteGrid
    """`palette.Part`, or another label, of every pixel."""
    instances: ByteGrid
    """Which shape every pixel belongs to, 1..255, counted anew after 255."""
    shade: ByteGrid
    """1 where the shape lies in its own shadow."""


class Canvas:
    """Draws shapes of parts; (0, 0) is the top left of the picture and 1 its edge, until a frame says else."""

    def __init__(self, size: int, style: LineStyle, seed: int, light: Point = (0.0, 0.0)) -> None:
        """`seed` decides the shapes; `light` moves their lit side, in shares of the edge, (0, 0) for no shade."""
        self.style = style
        self.rng = random.Random(seed)
        # A stroke must not change the shapes after it: the same seed in another style is the same drawing.
        self._stroke_rng = random.Random(seed + 1)
        self._light = light
        self._unit = 1.0
        self._shapes = 0
        self._labels = np.zeros((size, size, 4), np.uint8)
        self._lines = np.full((size, size, 1), 255, np.uint8)
        self._label_surface = skia.Surface(self._labels, colorType=skia.kRGBA_8888_ColorType)
        self._line_surface = skia.Surface(self._lines, colorType=skia.kGray_8_ColorType)
        self._label_sheet = self._label_surface.getCanvas()
        self._line_sheet = self._line_surface.getCanvas()
        self._sheets = (self._label_sheet, self._line_sheet)
        for sheet in self._sheets:
            sheet.scale(size, size)
        self._fill = skia.Paint(AntiAlias=False)
        self._cover = skia.Paint(AntiAlias=True)
        self._pen = _pen()
        self._dashed_pen = _pen()

    @contextmanager
    def frame(self, x: float, y: float, unit: float = 1.0, degrees: float = 0.0) -> Iterator[None]:
        """Inside: the origin is at (x, y), 1 is `unit` of the outer frame, turned by `degrees`."""
        outer = self._unit
        self._unit = outer * unit
        for sheet in self._sheets:
            sheet.save()
            sheet.translate(x, y)
            sheet.rotate(degrees)
            sheet.scale(unit, unit)
        yield
        for sheet in self._sheets:
            sheet.restore()
        self._unit = outer

    @contextmanager
    def inside(self, path: Path) -> Iterator[None]:
        """Inside: nothing is drawn beyond `path`."""
        for sheet in self._sheets:
            sheet.save()
            sheet.clipPath(path)
        yield
        for sheet in self._sheets:
            sheet.restore()

    def shape(
        self, path: Path, part: int, line: float = 1.0, *, shade: bool = True, inked: bool = False
    ) -> None:
        """Fills `path` as a new instance of a part and strokes its outline.

        Args:
            path: the outline.
            part: a `palette.Part`, or any other label below 256.
            line: how many times the usual width the outline has; 0 for none.
            shade: whether the shape may lie in its own shadow.
            inked: filled with ink instead of paper.
        """
        instance = 1 + self._shapes % 255
        self._shapes += 1
        in_shade = shade and self._light != (0.0, 0.0)
        self._fill.setColor(skia.Color(part, instance, int(in_shade)))
        self._label_sheet.drawPath(path, self._fill)
        if in_shade:
            self._draw_lit_side(path, part, instance)
        if inked or not self.style.see_through:
            gray = self.style.gray if inked else 255
            self._cover.setColor(skia.Color(gray, gray, gray))
            self._line_sheet.drawPath(path, self._cover)
        if line:
            self.stroke(path, line)

    def stroke(self, path: Path, width: float = 1.0) -> None:
        """Draws a line along `path`, `width` times the usual width; it belongs to no part."""
        style, rng = self.style, self._stroke_rng
        if rng.random() < style.dropped:
            return
        for _ in range(2 if style.doubled else 1):
            pen = self._pen_for(width)
            self._line_sheet.save()
            if style.doubled:
                drift = 0.003 / self._unit
                self._line_sheet.translate(rng.gauss(0, drift), rng.gauss(0, drift))
            self._line_sheet.drawPath(path, pen)
            self._line_sheet.restore()

    def detail(self, path: Path, width: float = 0.6) -> None:
        """A fold or strand, drawn only by artists who draw such things."""
        if self._stroke_rng.random() < self.style.detail:
            self.stroke(path, width)

    def finish(self) -> Drawing:
        """The drawing as it stands."""
        parts, instances, shade = (np.ascontiguousarray(self._labels[..., i]) for i in range(3))
        lines = np.ascontiguousarray(self._lines[..., 0])
        if self.style.edges_only:
            lines = lines_from_edges(instances, self.style.width)
        return Drawing(lines, parts, instances, shade)

    def _draw_lit_side(self, path: Path, part: int, instance: int) -> None:
        sheet = self._label_sheet
        sheet.save()
        sheet.clipPath(path)
        sheet.translate(self._light[0] / self._unit, self._light[1] / self._unit)
        self._fill.setColor(skia.Color(part, instance, 0))
        sheet.drawPath(path, self._fill)
        sheet.restore()

    def _pen_for(self, width: float) -> skia.Paint:
        style, rng = self.style, self._stroke_rng
        pen = self._pen
        if style.dashed and rng.random() < 0.6:
            pen = self._dashed_pen
            dash = style.dash * rng.uniform(0.5, 1.5) / self._unit
            intervals = [dash, style.gap / self._unit]
            pen.setPathEffect(skia.DashPathEffect.Make(intervals, rng.uniform(0, dash)))
        uneven = 1 + style.uneven * rng.uniform(-1, 1)
        pen.setStrokeWidth(max(style.width * width * uneven, 0.0015) / self._unit)
        alpha = 170 if style.doubled else 255
        pen.setColor(skia.Color(style.gray, style.gray, style.gray, alpha))
        return pen


def _pen() -> skia.Paint:
    return skia.Paint(
        AntiAlias=True,
        Style=skia.Paint.kStroke_Style,
        StrokeJoin=skia.Paint.kRound_Join,
        StrokeCap=skia.Paint.kRound_Cap,
    )
