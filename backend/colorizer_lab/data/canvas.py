"""The canvas of procedural drawings: one surface for exact labels, one for lines.

Every shape is painted on both surfaces at once, so labels and lines agree by construction. Frames can be nested:
inside a frame, lengths are in its units, while line widths are always shares of the canvas's edge. Other modules
decide what is drawn.
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
    """The `palette.Part`, or another label, of every pixel."""
    instances: ByteGrid
    """The number of the shape of every pixel, 1..255; after 255 it starts at 1 again."""
    shade: ByteGrid
    """1 where a shape is in its own shadow."""


class Canvas:
    """Draws shapes. Outside frames, (0, 0) is the top left corner of the picture and 1 its edge."""

    def __init__(self, size: int, style: LineStyle, seed: int, light: Point = (0.0, 0.0)) -> None:
        """Creates an empty canvas.

        Args:
            size: edge, px.
            style: the line style.
            seed: of the shapes.
            light: offset of the lit side of shapes, in shares of the edge; (0, 0) for no shade.
        """
        self.style = style
        self.rng = random.Random(seed)
        # Strokes have a random generator of their own, so that the same seed gives the same shapes in every style.
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
        """Context with a nested frame: its origin is (x, y), its unit is `unit`, and it is rotated by `degrees`."""
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
        """Context that clips everything to `path`."""
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
            line: width of the outline as a factor of the usual width; 0 for none.
            shade: whether the shape may be in its own shadow.
            inked: whether it is filled with ink instead of paper.
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
        """Draws a line along `path`, with a factor of the usual width; it belongs to no part."""
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
        """Draws a fold or a strand, if the line style includes such details."""
        if self._stroke_rng.random() < self.style.detail:
            self.stroke(path, width)

    def finish(self) -> Drawing:
        """Returns the finished drawing."""
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
