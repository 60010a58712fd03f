"""A change of the canvas (shift, crop, enlarge, mirror, quarter turn, scale) as an affine map for pixels.

`registration` detects the change. It uses only the standard library; the work on pixels is slow and for worker threads.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from krita_colorize.core.port import Pixels


@dataclass(frozen=True)
class Placement:
    """Maps a point of a former canvas to a canvas of `width` x `height`, all in image pixels:
    x' = xx x + xy y + dx and y' = yx x + yy y + dy, where either xx and yy or xy and yx are 0."""

    width: int
    height: int
    xx: float = 1.0
    xy: float = 0.0
    yx: float = 0.0
    yy: float = 1.0
    dx: float = 0.0
    dy: float = 0.0

    @property
    def turned(self) -> bool:
        """Whether it is a quarter turn, in which columns become rows."""
        return not self.xx

    @property
    def still(self) -> bool:
        """Whether no point has moved; the canvas may have another size."""
        return (self.xx, self.yy, self.dx, self.dy) == (1, 1, 0, 0)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Maps a point to the present canvas."""
        return self.xx * x + self.xy * y + self.dx, self.yx * x + self.yy * y + self.dy

    def pixel(self, x: int, y: int) -> tuple[int, int]:
        """Maps a pixel to the present canvas; it may be outside."""
        across, down = self.point(x + 0.5, y + 0.5)
        return int(across // 1), int(down // 1)

    def box(self, x: int, y: int, width: int, height: int) -> tuple[int, int, int, int]:
        """Maps a rectangle (x, y, width, height) to the present canvas; it has at least one pixel."""
        (left, right), (top, bottom) = map(
            sorted, zip(self.point(x, y), self.point(x + width, y + height), strict=True)
        )
        left, top = round(left), round(top)
        return left, top, max(1, round(right) - left), max(1, round(bottom) - top)

    def after(self, first: Placement) -> Placement:
        """The composition: `first`, then this one."""
        x, y = self.point(first.dx, first.dy)
        return Placement(
            self.width,
            self.height,
            self.xx * first.xx + self.xy * first.yx,
            self.xx * first.xy + self.xy * first.yy,
            self.yx * first.xx + self.yy * first.yx,
            self.yx * first.xy + self.yy * first.yy,
            x,
            y,
        )

    def back(self, width: int, height: int) -> Placement:
        """The inverse, to the former canvas of `width` x `height` pixels."""
        scale = self.xx * self.yy - self.xy * self.yx
        xx, xy, yx, yy = self.yy / scale, -self.xy / scale, -self.yx / scale, self.xx / scale
        dx, dy = xx * self.dx + xy * self.dy, yx * self.dx + yy * self.dy
        return Placement(width, height, xx, xy, yx, yy, -dx, -dy)

    def moved(self, pixels: Pixels) -> Pixels:
        """Maps a picture or mask to the present canvas, without cropping it there. It is scaled by the nearest
        neighbour, so that there are no new colours. Slow: for worker threads."""
        if not pixels.data:
            return pixels
        x, y, width, height = self.box(pixels.x, pixels.y, pixels.width, pixels.height)
        mirrored = (self.xy if self.turned else self.xx) < 0, (self.yx if self.turned else self.yy) < 0
        same = (width, height) == (pixels.width, pixels.height)
        if same and not self.turned and not any(mirrored):
            return Pixels(width, height, pixels.data, x, y)
        across = _steps(width, pixels.height if self.turned else pixels.width, mirrored=mirrored[0])
        down = _steps(height, pixels.width if self.turned else pixels.height, mirrored=mirrored[1])
        return Pixels(width, height, _picked(pixels, across, down, turned=self.turned), x, y)


def _steps(count: int, of: int, *, mirrored: bool) -> list[int]:
    """For each of `count` rows or columns, the index of its source among `of` former ones."""
    steps = [min(of - 1, (2 * number + 1) * of // (2 * count)) for number in range(count)]
    return steps[::-1] if mirrored else steps


def _picked(pixels: Pixels, across: list[int], down: list[int], *, turned: bool) -> bytes:
    """The pixels of these columns and rows; if `turned`, rows are former columns. It works row by row, because longer
    operations would hold the interpreter lock (GIL) for too long."""
    units = memoryview(pixels.data).cast("B")
    if pixels.channels == 4:
        units = units.cast("I")
    width = pixels.width
    if turned:
        columns = {x: units[x::width] for x in set(down)}
        return b"".join(_chosen(columns[x], across) for x in down)
    return b"".join(_chosen(units[y * width : (y + 1) * width], across) for y in down)


def _chosen(row: memoryview, places: list[int]) -> bytes:
    """The units of a row at these indices, which are ascending or descending."""
    if len(places) == len(row):
        return (row if places[0] <= places[-1] else row[::-1]).tobytes()
    values = row.tolist()
    return array(row.format, [values[place] for place in places]).tobytes()
