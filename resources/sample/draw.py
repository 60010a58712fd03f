"""Draws the sample art: `python resources/sample/draw.py` writes sketch.png and reference.png beside this file.

One character, a young witch, in two poses. The sketch is ink on nothing; the reference is painted. Needs skia-python.
Every shape is filled and then outlined, so that what lies in front hides the lines behind it, in ink as in colour.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import skia
from artist import Artist, Point, colour_of
from PIL import Image

SIZE = 1200


@dataclass(frozen=True)
class Pose:
    """What differs between the two pictures."""

    turn: float
    """Where the face looks: -1 left .. 1 right."""
    tilt: float
    """Of the head, degrees."""
    arm: float
    """How high the wand is held, 0..1."""
    breeze: float
    """How far braids and cloak are blown aside, -1..1."""


def scenery(artist: Artist, pose: Pose) -> None:
    """Sky, sun, clouds and two hills; it moves a little with the pose."""
    shift = 90 * pose.turn
    artist.shape(
        "sky",
        [
            (-20, -20),
            (-20, -20),
            (1220, -20),
            (1220, -20),
            (1220, 1220),
            (1220, 1220),
            (-20, 1220),
            (-20, 1220),
        ],
        line=0,
    )  # noqa: E501
    artist.oval("sun", (980 - shift, 190), (105, 105), line=4)
    for x, y, size in ((150 - shift, 250, 1.0), (1030 - shift, 480, 0.8)):
        cloud = [
            (-120, 40),
            (-130, 0),
            (-80, -30),
            (-40, -70),
            (30, -60),
            (70, -25),
            (125, -10),
            (120, 40),
            (0, 50),
        ]
        artist.shape("cloud", [(x + a * size, y + b * size) for a, b in cloud], line=4)
    artist.shape(
        "far hill",
        [
            (-40, 800),
            (150, 700 + shift / 3),
            (420, 780),
            (760, 690),
            (1000, 730),
            (1260, 690),
            (1260, 1260),
            (1260, 1260),
            (-40, 1260),
            (-40, 1260),
        ],
        line=4,
    )  # noqa: E501
    artist.shape(
        "near hill",
        [
            (-40, 960),
            (240, 880),
            (600, 950),
            (940, 860 + shift / 3),
            (1260, 930),
            (1260, 1260),
            (1260, 1260),
            (-40, 1260),
            (-40, 1260),
        ],
        line=4,
    )  # noqa: E501


def body(artist: Artist, pose: Pose) -> None:
    """Cloak, blouse, bow and the arm with the wand."""
    wind = 40 * pose.breeze
    artist.shape(
        "lining",
        [
            (400, 790),
            (330, 900),
            (270 + wind, 1230),
            (270 + wind, 1230),
            (930 + wind, 1230),
            (930 + wind, 1230),
            (870, 900),
            (800, 790),
            (600, 760),
        ],
    )  # noqa: E501
    artist.shape(
        "blouse",
        [
            (470, 800),
            (450, 930),
            (430, 1230),
            (430, 1230),
            (770, 1230),
            (770, 1230),
            (750, 930),
            (730, 800),
            (600, 770),
        ],
        shade=(-22, -6),
    )  # noqa: E501
    artist.line([(600, 960), (600, 1090), (596, 1220)])
    for y in (1010, 1090, 1170):
        artist.oval("brooch", (624, y), (10, 10), line=4)
    artist.shape(
        "cloak",
        [
            (470, 770),
            (380, 810),
            (270, 950),
            (180 + wind, 1230),
            (180 + wind, 1230),
            (440, 1230),
            (440, 1230),
            (470, 1000),
            (520, 850),
            (520, 850),
        ],
        shade=(24, -10),
    )  # noqa: E501
    arm(artist, pose)
    artist.shape(
        "cloak",
        [
            (730, 770),
            (820, 810),
            (920, 940),
            (1010 + wind, 1230),
            (1010 + wind, 1230),
            (760, 1230),
            (760, 1230),
            (730, 1000),
            (680, 850),
            (680, 850),
        ],
        shade=(-24, -10),
    )  # noqa: E501
    artist.shape(
        "cloak",
        [(440, 800), (600, 790), (760, 800), (790, 850), (700, 900), (600, 850), (500, 900), (410, 850)],
        shade=(0, -14),
    )  # noqa: E501
    for side in (-1, 1):
        artist.shape(
            "bow",
            [
                (600, 880),
                (600 + 40 * side, 840),
                (600 + 120 * side, 830),
                (600 + 130 * side, 900),
                (600 + 110 * side, 940),
                (600 + 40 * side, 905),
            ],
        )  # noqa: E501
    artist.oval("brooch", (600, 880), (28, 28))


def arm(artist: Artist, pose: Pose) -> None:
    """The right arm, bent up with a wand."""
    x, y = 300 - 60 * pose.arm, 1010 - 330 * pose.arm
    artist.line([(x - 6, y + 36), (x - 70, y - 150)], line=22)
    if artist.painted:
        artist.canvas.drawLine(
            x - 6,
            y + 36,
            x - 70,
            y - 150,
            skia.Paint(
                Color=colour_of("wand"), StrokeWidth=13, AntiAlias=True, StrokeCap=skia.Paint.kRound_Cap
            ),
        )  # noqa: E501
    else:
        artist.canvas.drawLine(
            x - 6,
            y + 36,
            x - 70,
            y - 150,
            skia.Paint(
                Color=skia.ColorWHITE, StrokeWidth=12, AntiAlias=True, StrokeCap=skia.Paint.kRound_Cap
            ),
        )  # noqa: E501
    artist.shape("star", star((x - 76, y - 176), 56, -12))
    artist.shape(
        "sleeve",
        [
            (430, 900),
            (360, 960 - 60 * pose.arm),
            (x + 10, y + 52),
            (x + 10, y + 52),
            (x + 76, y + 92),
            (x + 76, y + 92),
            (400, 1080 - 60 * pose.arm),
            (470, 1050),
        ],
        shade=(14, -12),
    )  # noqa: E501
    artist.shape(
        "cuff",
        [
            (x - 14, y + 40),
            (x - 14, y + 40),
            (x + 20, y + 16),
            (x + 96, y + 66),
            (x + 96, y + 66),
            (x + 72, y + 108),
            (x + 72, y + 108),
        ],
    )  # noqa: E501
    artist.shape(
        "skin",
        [
            (x - 36, y - 8),
            (x - 10, y - 34),
            (x + 30, y - 26),
            (x + 62, y + 8),
            (x + 66, y + 42),
            (x + 30, y + 40),
            (x - 14, y + 28),
        ],
    )  # noqa: E501
    artist.line([(x - 30, y + 2), (x - 2, y - 6)])
    artist.line([(x - 24, y + 18), (x + 4, y + 10)])


def star(centre: Point, radius: float, turn: float) -> list[Point]:
    """A five-pointed star with sharp corners."""
    points: list[Point] = []
    for i in range(10):
        angle = math.radians(turn - 90 + 36 * i)
        reach = radius if i % 2 == 0 else radius * 0.46
        corner = (centre[0] + reach * math.cos(angle), centre[1] + reach * math.sin(angle))
        points += [corner, corner]
    return points


def braid(artist: Artist, pose: Pose, side: int) -> None:
    """One braid with its tie and tuft, in front of the cloak."""
    x, y = 600 + 205 * side, 690
    for i in range(4):
        sway = 26 * pose.breeze * (i + 1) ** 1.25
        artist.shape(
            "hair",
            [
                (x - 42 + sway, y + 92 * i),
                (x + 4 + sway, y - 26 + 92 * i),
                (x + 46 + sway, y + 92 * i),
                (x + 34 + sway, y + 62 + 92 * i),
                (x + sway, y + 92 + 92 * i),
                (x - 34 + sway, y + 62 + 92 * i),
            ],
            shade=(-8 * side, -10),
        )  # noqa: E501
    sway = 26 * pose.breeze * 5**1.25
    artist.shape(
        "hair",
        [
            (x - 20 + sway, y + 366),
            (x - 40 + sway, y + 420),
            (x - 10 + sway, y + 470),
            (x - 10 + sway, y + 470),
            (x + 36 + sway, y + 426),
            (x + 22 + sway, y + 366),
        ],
    )  # noqa: E501
    artist.shape(
        "tie",
        [
            (x - 30 + sway, y + 346),
            (x + sway, y + 338),
            (x + 30 + sway, y + 346),
            (x + 28 + sway, y + 380),
            (x + sway, y + 386),
            (x - 28 + sway, y + 380),
        ],
    )  # noqa: E501


def head(artist: Artist, pose: Pose) -> None:
    """Everything above the collar, tilted as one."""
    canvas, look = artist.canvas, 46 * pose.turn
    canvas.save()
    canvas.rotate(pose.tilt, 600, 780)
    artist.shape(
        "hair back",
        [
            (360, 470),
            (350, 620),
            (390, 750),
            (480, 800),
            (600, 810),
            (720, 800),
            (810, 750),
            (850, 620),
            (840, 470),
            (600, 330),
        ],
    )  # noqa: E501
    for side in (-1, 1):
        braid(artist, pose, side)
    artist.shape("skin", [(552, 720), (552, 800), (600, 836), (648, 800), (648, 720)], shade=(0, 40))
    for side in (-1, 1):
        artist.oval("ear", (600 + 214 * side, 600), (30, 44))
    artist.shape(
        "skin",
        [
            (390, 520),
            (396, 620),
            (440, 710),
            (530, 770),
            (600 + look / 3, 786),
            (670, 770),
            (760, 710),
            (804, 620),
            (810, 520),
            (600, 400),
        ],
        shade=(-16, -12),
    )  # noqa: E501
    face(artist, 600 + look)
    fringe(artist, look)
    hat(artist, pose)
    canvas.restore()


def face(artist: Artist, x: float) -> None:
    """Eyes, brows, nose, mouth and blush around the middle line `x`."""
    for side in (-1, 1):
        eye = x + 96 * side
        artist.paint_only("blush", (x + 128 * side, 690), (44, 22), 150)
        artist.shape(
            "eye",
            [
                (eye - 52, 622),
                (eye - 30, 570),
                (eye + 4, 556),
                (eye + 36, 572),
                (eye + 54, 622),
                (eye + 30, 664),
                (eye - 30, 664),
            ],
        )  # noqa: E501
        artist.oval("iris", (eye + 2, 620), (33, 42))
        artist.oval("pupil", (eye + 2, 622), (15, 22), line=3)
        artist.oval("eye", (eye - 9, 600), (10, 12), line=3)
        artist.line(
            [(eye - 56, 618), (eye - 32, 566), (eye + 4, 552), (eye + 38, 566), (eye + 60, 618)], line=11
        )
        artist.line([(eye - 44, 514), (eye, 500), (eye + 44, 512)], line=6)
    artist.line([(x - 4, 676), (x + 8, 688), (x - 6, 694)], line=4)
    artist.shape(
        "mouth",
        [
            (x - 36, 722),
            (x - 36, 722),
            (x, 730),
            (x + 36, 722),
            (x + 36, 722),
            (x + 20, 748),
            (x, 756),
            (x - 20, 748),
        ],
    )  # noqa: E501


def fringe(artist: Artist, look: float) -> None:
    """Hair over the forehead: two side locks and five strands."""
    for side in (-1, 1):
        artist.shape(
            "hair",
            [
                (600 + 150 * side, 420),
                (600 + 216 * side, 470),
                (600 + 236 * side, 590),
                (600 + 212 * side, 700),
                (600 + 212 * side, 700),
                (600 + 188 * side, 600),
                (600 + 170 * side, 520),
            ],
            shade=(-8 * side, -8),
        )  # noqa: E501
    part = 600 + look * 0.6
    strands = [
        (392, 470),
        (380, 560),
        (380, 560),
        (452, 505),
        (470, 560),
        (470, 560),
        (530, 500),
        (548, 566),
        (548, 566),
        (part + 20, 496),
        (660, 556),
        (660, 556),
        (700, 498),
        (736, 552),
        (736, 552),
        (760, 506),
        (822, 560),
        (822, 560),
        (808, 470),
        (720, 390),
        (600, 370),
        (480, 390),
    ]  # noqa: E501
    artist.shape("hair", strands, shade=(-6, -14))
    artist.line([(part, 400), (part - 24, 440), (part - 30, 480)])
    artist.line([(part + 60, 404), (part + 70, 440), (part + 66, 476)])


def hat(artist: Artist, pose: Pose) -> None:
    """A wide brim, a bent cone, a band with a star."""
    bend = 120 * pose.breeze
    artist.shape(
        "hat inside",
        [(330, 430), (440, 385), (600, 372), (760, 385), (870, 430), (760, 452), (600, 440), (440, 452)],
    )  # noqa: E501
    artist.shape(
        "hat",
        [
            (420, 400),
            (450, 280),
            (520, 170),
            (600 + bend, 60),
            (690 + bend * 1.8, 50),
            (690 + bend * 1.8, 50),
            (690 + bend, 120),
            (720, 220),
            (760, 320),
            (785, 400),
            (600, 372),
        ],
        shade=(-26, 4),
    )  # noqa: E501
    artist.line([(548, 196), (596, 214), (640, 200)])
    artist.shape(
        "band",
        [(412, 352), (430, 318), (600, 300), (768, 318), (788, 352), (788, 404), (600, 376), (412, 404)],
    )  # noqa: E501
    artist.shape(
        "hat",
        [
            (412, 396),
            (600, 366),
            (788, 396),
            (900, 452),
            (920, 486),
            (820, 462),
            (600, 428),
            (380, 462),
            (280, 486),
            (300, 452),
        ],
        shade=(0, -10),
    )  # noqa: E501
    artist.shape("star", star((600 + 40 * pose.turn, 344), 46, 0))


def draw(pose: Pose, *, painted: bool) -> np.ndarray:
    """One picture, (SIZE, SIZE, 3), uint8, sRGB."""
    pixels = np.zeros((SIZE, SIZE, 4), np.uint8)
    surface = skia.Surface.MakeRasterDirect(
        skia.ImageInfo.Make(SIZE, SIZE, skia.kRGBA_8888_ColorType, skia.kPremul_AlphaType), pixels
    )
    canvas = surface.getCanvas()
    canvas.clear(skia.ColorWHITE)
    artist = Artist(canvas, painted=painted)
    scenery(artist, pose)
    body(artist, pose)
    head(artist, pose)
    return pixels[..., :3].copy()


REFERENCE = Pose(turn=0.55, tilt=5, arm=0.1, breeze=0.35)
SKETCH = Pose(turn=-0.5, tilt=-6, arm=0.75, breeze=-0.3)


def main() -> None:
    """Writes both pictures."""
    folder = Path(__file__).resolve().parent
    painted = draw(REFERENCE, painted=True)
    Image.fromarray(painted).save(folder / "reference.png", optimize=True)
    paper = draw(SKETCH, painted=False).mean(2)
    ink = np.zeros((SIZE, SIZE, 4), np.uint8)
    ink[..., 3] = 255 - paper.round().astype(np.uint8)
    ink[..., :3] = np.where(ink[..., 3:] > 0, np.array([28, 24, 40], np.uint8), 0)
    Image.fromarray(ink).save(folder / "sketch.png", optimize=True)


if __name__ == "__main__":
    main()
