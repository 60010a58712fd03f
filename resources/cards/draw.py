"""Draws the little pictures on the models' cards: `python resources/cards/draw.py` writes krita_colorize/pictures.

The same witch as on the sample art. They explain what goes into a model and what kind of thing comes out; every one is
drawn here, none is what a model made. Needs skia-python.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import skia
from PIL import Image, ImageFilter

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "resources" / "sample"))

import draw as witch  # noqa: E402
from artist import COLOURS, Artist  # noqa: E402

SIDE = 144
SKETCHED = witch.Pose(turn=-0.5, tilt=-6, arm=0.75, breeze=-0.3)
PAINTED = witch.Pose(turn=0.55, tilt=5, arm=0.1, breeze=0.35)
OTHERS = (witch.Pose(0.0, 0, 0.4, 0.1), witch.Pose(-0.7, 4, 0.0, 0.5), witch.Pose(0.3, -8, 0.9, -0.4))
SCENERY = ("sky", "cloud", "far hill", "near hill", "sun")
EVENING = {
    "sky": "#f4b6a0", "cloud": "#fde0c8", "far hill": "#a4708f", "near hill": "#6d4a78", "sun": "#fff1c9",
    "hat": "#4a2f5c", "hat inside": "#331f44", "hair": "#a34f4f", "hair back": "#7c3a48", "skin": "#f6c3a5",
    "cloak": "#7a3f62", "lining": "#f2cf9c", "blouse": "#fbe6d2", "sleeve": "#fbe6d2", "bow": "#d9663f",
}  # fmt: skip


@contextmanager
def colours(**others: str) -> Iterator[None]:
    """Draws with other colours meanwhile."""
    before = dict(COLOURS)
    COLOURS.update({name.replace("_", " "): colour for name, colour in others.items()})
    try:
        yield
    finally:
        COLOURS.update(before)


def ink(pose: witch.Pose) -> Image.Image:
    """The lines."""
    return Image.fromarray(witch.draw(pose, painted=False)).convert("L").convert("RGB")


def paint(pose: witch.Pose) -> Image.Image:
    """The painted picture."""
    return Image.fromarray(witch.draw(pose, painted=True))


def on_nothing(draw: Callable[[Artist], None]) -> Image.Image:
    """What is painted, on a clear picture."""
    pixels = np.zeros((witch.SIZE, witch.SIZE, 4), np.uint8)
    kind = skia.ImageInfo.Make(witch.SIZE, witch.SIZE, skia.kRGBA_8888_ColorType, skia.kPremul_AlphaType)
    draw(Artist(skia.Surface.MakeRasterDirect(kind, pixels).getCanvas(), painted=True))
    return Image.fromarray(pixels)


def figure(pose: witch.Pose) -> Image.Image:
    """The painted figure alone, on nothing."""

    def draw(artist: Artist) -> None:
        witch.body(artist, pose)
        witch.head(artist, pose)

    return on_nothing(draw)


def mask(pose: witch.Pose) -> Image.Image:
    """The figure white, the rest black."""
    return figure(pose).getchannel("A").convert("RGB")


def shaded(pose: witch.Pose) -> Image.Image:
    """Lines with grey shading."""
    with colours(**dict.fromkeys((name.replace(" ", "_") for name in COLOURS), "#ffffff")):
        return paint(pose).convert("L").point(lambda value: max(0, 255 - 3 * (255 - value))).convert("RGB")


def pool() -> Image.Image:
    """Several references."""
    sheet = Image.new("RGBA", (witch.SIZE, witch.SIZE), (0, 0, 0, 0))
    side = witch.SIZE // 2 - 24
    for number, pose in enumerate((PAINTED, *OTHERS)):
        place = (number % 2 * (side + 48), number // 2 * (side + 48))
        sheet.paste(paint(pose).resize((side, side), Image.Resampling.LANCZOS), place)
    return sheet


def mood() -> Image.Image:
    """An evening without anybody."""
    return on_nothing(lambda artist: witch.scenery(artist, OTHERS[0])).convert("RGB")


def numbers() -> Image.Image:
    """Bars: something is measured, nothing is coloured."""
    sheet = np.full((SIDE, SIDE, 3), 250, np.uint8)
    for place, height in enumerate((54, 96, 30, 112, 72, 44)):
        left = 12 + place * 21
        sheet[SIDE - 12 - height : SIDE - 12, left : left + 14] = (90, 127, 168)
    return Image.fromarray(sheet)


def pictures() -> dict[str, Image.Image]:
    """All of them by name."""
    with colours(**{name.replace(" ", "_"): colour for name, colour in EVENING.items()}):
        evening = {"mood": mood(), "evening": paint(SKETCHED)}
    coloured = paint(SKETCHED)
    return evening | {
        "sketch": ink(SKETCHED),
        "reference": paint(PAINTED),
        "reference-lines": ink(PAINTED),
        "coloured": coloured,
        "figure": figure(SKETCHED),
        "grey": coloured.convert("L").convert("RGB"),
        "shaded": shaded(SKETCHED),
        "pool": pool(),
        "sketch-mask": mask(SKETCHED),
        "reference-mask": mask(PAINTED),
        "rough": coloured.resize((9, 9), Image.Resampling.BOX).resize(
            (witch.SIZE,) * 2, Image.Resampling.BICUBIC
        ),
        "preview": coloured.filter(ImageFilter.GaussianBlur(14)),
        "numbers": numbers(),
    }


def main() -> None:
    """Writes them all, small."""
    folder = ROOT / "krita_colorize" / "pictures"
    folder.mkdir(exist_ok=True)
    for name, picture in pictures().items():
        small = picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        method = Image.Quantize.FASTOCTREE if small.mode == "RGBA" else Image.Quantize.MEDIANCUT
        small.quantize(64, method=method, dither=Image.Dither.NONE).save(
            folder / f"{name}.png", optimize=True
        )


if __name__ == "__main__":
    main()
