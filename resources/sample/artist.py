"""How the sample art is drawn: one call fills a shape and outlines it, as ink or as paint. `draw.py` says what."""

from __future__ import annotations

import skia

COLOURS = {
    "sky": "#a8d3ea", "cloud": "#f3f8fb", "far hill": "#9cc8a1", "near hill": "#74ab7c", "sun": "#fbe3a1",
    "hat": "#41407a", "hat inside": "#2c2b57", "band": "#e0a43a", "star": "#ffd863",
    "hair": "#d2694a", "hair back": "#a94e3a", "tie": "#4fb0a5",
    "skin": "#f8d5bb", "ear": "#efbfa2", "blush": "#f3a893", "mouth": "#b9473f",
    "eye": "#ffffff", "iris": "#2f9a8f", "pupil": "#173b45",
    "cloak": "#2d6c78", "lining": "#efdfb2", "blouse": "#f7f1e6", "bow": "#c43a54", "brooch": "#ffd863",
    "sleeve": "#f7f1e6", "cuff": "#e0a43a", "wand": "#8a5a3b",
}  # fmt: skip

Point = tuple[float, float]


class Artist:
    """Draws shapes either as ink or as paint."""

    def __init__(self, canvas: skia.Canvas, *, painted: bool) -> None:
        self.canvas = canvas
        self.painted = painted

    def shape(self, colour: str, points: list[Point], *, line: float = 5, shade: Point | None = None) -> None:
        """A closed smooth shape; `shade` moves a darker copy of it over its edge."""
        path = smooth(points, closed=True)
        self._fill(path, colour)
        if self.painted and shade is not None:
            self.canvas.save()
            self.canvas.clipPath(path, doAntiAlias=True)
            shadow = skia.Path(path)
            shadow.offset(*shade)
            shadow.toggleInverseFillType()
            self.canvas.drawPath(shadow, skia.Paint(AntiAlias=True, Color=skia.ColorSetARGB(52, 40, 20, 80)))
            self.canvas.restore()
        if line:
            self._stroke(path, line)

    def oval(self, colour: str, centre: Point, radii: Point, *, line: float = 5) -> None:
        """An ellipse."""
        box = skia.Rect(
            centre[0] - radii[0], centre[1] - radii[1], centre[0] + radii[0], centre[1] + radii[1]
        )
        path = skia.Path()
        path.addOval(box)
        self._fill(path, colour)
        if line:
            self._stroke(path, line)

    def line(self, points: list[Point], *, line: float = 4) -> None:
        """An open stroke."""
        self._stroke(smooth(points, closed=False), line)

    def paint_only(self, colour: str, centre: Point, radii: Point, alpha: int = 255) -> None:
        """A soft spot that a sketch leaves out."""
        if self.painted:
            paint = skia.Paint(AntiAlias=True, Color=colour_of(colour))
            paint.setAlpha(alpha)
            self.canvas.drawOval(
                skia.Rect(
                    centre[0] - radii[0], centre[1] - radii[1], centre[0] + radii[0], centre[1] + radii[1]
                ),
                paint,
            )

    def _fill(self, path: skia.Path, colour: str) -> None:
        fill = colour_of(colour) if self.painted else skia.ColorWHITE
        self.canvas.drawPath(path, skia.Paint(AntiAlias=True, Color=fill))

    def _stroke(self, path: skia.Path, width: float) -> None:
        ink = skia.ColorSetRGB(62, 36, 48) if self.painted else skia.ColorBLACK
        paint = skia.Paint(AntiAlias=True, Color=ink, Style=skia.Paint.kStroke_Style, StrokeWidth=width)
        paint.setStrokeCap(skia.Paint.kRound_Cap)
        paint.setStrokeJoin(skia.Paint.kRound_Join)
        self.canvas.drawPath(path, paint)


def colour_of(name: str) -> int:
    """The named colour as Skia's integer."""
    value = int(COLOURS[name][1:], 16)
    return int(skia.ColorSetRGB(value >> 16, value >> 8 & 255, value & 255))


def smooth(points: list[Point], *, closed: bool) -> skia.Path:
    """A curve through all points (Catmull-Rom); a point given twice is a corner."""
    path = skia.Path()
    path.moveTo(*points[0])
    count = len(points)
    for i in range(count if closed else count - 1):
        before, start, end, after = (points[_index(i + k, count, closed=closed)] for k in (-1, 0, 1, 2))
        if start == end:
            continue
        one = (start[0] + (end[0] - before[0]) / 6, start[1] + (end[1] - before[1]) / 6)
        two = (end[0] - (after[0] - start[0]) / 6, end[1] - (after[1] - start[1]) / 6)
        path.cubicTo(*one, *two, *end)
    if closed:
        path.close()
    return path


def _index(i: int, count: int, *, closed: bool) -> int:
    return i % count if closed else min(max(i, 0), count - 1)
