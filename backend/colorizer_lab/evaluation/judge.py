"""The judge: metrics of a colouring against the truth, the same for every engine and baseline.

All metrics are computed on a square of 640 px (pictures padded with white, masks with background), and only inside the
foreground. The foreground is the corpus's mask; without a mask, it is what a flood fill of the *truth* from its border
does not reach (`foreground.flood`).

- `figure_within_10`, the main metric: the share of the foreground's pixels off the lines whose colour differs from the
  truth by less than 10 in CIEDE2000. A pixel is off the lines if the sketch over white has no luma below 0.8 within
  one pixel (the line mask dilated by 3 x 3). It does not use regions, so colour that leaked out of the foreground,
  and paper that leaked in, count with their area.

The other metrics use the regions enclosed by the sketch's lines: those with at least 0.06 % of the square, mostly (> 60
%) inside the foreground and not solid ink. Without such regions, the foreground is a single region. The colour of a
region is the median of its pixels off the lines.

- `area_within_10`, `area_within_5`, `regions_within_10`: the share of the judged area, or of the judged regions, whose
  colour differs from the truth by less than 10 (5) in CIEDE2000.
- `delta_e_area`: the mean difference, weighted by area.
- `psnr` (dB) and `ssim` (`likeness.ssim`): of the square with the lines multiplied onto it; outside the foreground it
  is replaced by the truth.
- `bleed`: the share of the judged pixels off the lines that differ from their region's colour by 10 or more: colour
  that bleeds over a line, or texture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from colorizer.errors import NothingToColour
from colorizer.imaging.lines import find_ink
from colorizer.imaging.pictures import over_white
from colorizer.imaging.regions import find_regions
from colorizer.imaging.values import Mask, Picture
from numpy.typing import NDArray
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab

from colorizer_lab.evaluation import likeness
from colorizer_lab.evaluation.foreground import flood

SIDE = 640
_SMALLEST_SHARE = 6e-4
_OFF_LINE = 0.8
_MOST_SAMPLES = 400

Colours = NDArray[np.float32]
"""(SIDE, SIDE, 3), sRGB 0..1."""


@dataclass(frozen=True)
class Figures:
    """The metrics of one colouring."""

    figure_within_10: float
    area_within_10: float
    regions_within_10: float
    area_within_5: float
    delta_e_area: float
    psnr: float
    ssim: float
    bleed: float


@dataclass(frozen=True)
class Problem:
    """A sketch with its truth, prepared for judging any number of colourings."""

    line: NDArray[np.float32]
    """(SIDE, SIDE), 1 = paper."""
    truth: Colours
    figure: NDArray[np.bool_]
    """(SIDE, SIDE)."""
    regions: NDArray[np.int32]
    """(SIDE, SIDE), 0..n-1."""
    judged: NDArray[np.intp]
    """The numbers of the regions that are judged."""

    @property
    def off_lines(self) -> NDArray[np.bool_]:
        """The foreground's pixels off the lines, (SIDE, SIDE), which `figure_within_10` uses."""
        paper: NDArray[np.bool_] = cv2.erode(self.line, np.ones((3, 3), np.uint8)) > _OFF_LINE
        return self.figure & paper

    def judge(self, colouring: Colours) -> Figures:
        """Computes the metrics of one colouring."""
        medians, spread = self._medians(colouring)
        gap, share = self.gaps(medians), self.shares()
        psnr, ssim = self._likeness(colouring)
        return Figures(
            figure_within_10=self._figure_within(10, colouring),
            area_within_10=float((share * (gap < 10)).sum()),
            regions_within_10=float((gap < 10).mean()),
            area_within_5=float((share * (gap < 5)).sum()),
            delta_e_area=float((share * gap).sum()),
            psnr=psnr,
            ssim=ssim,
            bleed=float((share * spread).sum()),
        )

    def gaps(self, medians: Colours) -> NDArray[np.float64]:
        """CIEDE2000 between the truth and a colouring's medians (judged, 3); (judged,)."""
        truth = self.medians(self.truth)
        gaps: NDArray[np.float64] = deltaE_ciede2000(rgb2lab(truth[None]), rgb2lab(medians[None]))[0]
        return gaps

    def shares(self) -> NDArray[np.float64]:
        """Each judged region's share of the judged area, (judged,)."""
        area = np.bincount(self.regions.ravel())[self.judged].astype(np.float64)
        shares: NDArray[np.float64] = area / area.sum()
        return shares

    def flat(self, colouring: Colours) -> Colours:
        """The colouring with each region in its median colour, (SIDE, SIDE, 3)."""
        paper = self.line > _OFF_LINE
        counted = (
            paper
            | (np.bincount(self.regions[paper], minlength=int(self.regions.max()) + 1) == 0)[self.regions]
        )
        medians = [
            _region_medians(self.regions[counted], colouring[counted, channel]) for channel in range(3)
        ]
        return np.stack(medians, axis=-1).astype(np.float32)[self.regions]

    def picture(self, colouring: Colours) -> NDArray[np.uint8]:
        """The colouring with one colour per region and the lines drawn over it, (SIDE, SIDE, 3)."""
        shown = np.where(self.figure[..., None], self.flat(colouring), 1) * self.line[..., None]
        return np.rint(shown * 255).clip(0, 255).astype(np.uint8)

    def medians(self, colouring: Colours) -> Colours:
        """The median colour of every judged region, (judged, 3), sRGB 0..1."""
        return self._medians(colouring)[0]

    def _figure_within(self, most: float, colouring: Colours) -> float:
        pixels = self.off_lines
        gaps = deltaE_ciede2000(rgb2lab(self.truth[pixels]), rgb2lab(colouring[pixels]))
        return float((gaps < most).mean())

    def _medians(self, colouring: Colours) -> tuple[Colours, NDArray[np.float64]]:
        """Median colours (judged, 3), and for each region the share of its pixels that differ from the median."""
        flat, paper = colouring.reshape(-1, 3), (self.line > _OFF_LINE).ravel()
        order = np.argsort(self.regions.ravel(), kind="stable")
        bounds = np.cumsum(np.bincount(self.regions.ravel()))
        medians, spread = [], []
        for region in self.judged:
            pixels = order[(bounds[region - 1] if region else 0) : bounds[region]]
            off_line = pixels[paper[pixels]]
            chosen = off_line if len(off_line) > 5 else pixels
            chosen = chosen[:: max(1, len(chosen) // _MOST_SAMPLES)]
            medians.append(np.median(flat[chosen], axis=0))
            away = deltaE_ciede2000(rgb2lab(flat[chosen]), rgb2lab(medians[-1][None]))
            spread.append(float((away >= 10).mean()))
        return np.array(medians), np.array(spread)

    def _likeness(self, colouring: Colours) -> tuple[float, float]:
        line = self.line[..., None]
        ours, truth = np.where(self.figure[..., None], colouring, self.truth) * line, self.truth * line
        error = max(float(((ours - truth) ** 2).mean()), 1e-8)
        return -10 * math.log10(error), likeness.ssim(ours, truth)


def _region_medians(regions: NDArray[np.int32], values: NDArray[np.float32]) -> NDArray[np.float64]:
    """The median of every region's values, (n,); `regions` and `values` are (pixels,)."""
    order = np.lexsort((values, regions))
    counts = np.bincount(regions)
    middle = np.minimum(np.cumsum(counts) - counts + counts // 2, len(values) - 1)
    return values[order[middle]].astype(np.float64)  # type: ignore[no-any-return]


def pose(sketch: Picture, truth: Picture, mask: Mask | None) -> Problem | None:
    """Prepares a sketch and its truth; None if they do not match or there is nothing to judge."""
    if abs(sketch.shape[1] / sketch.shape[0] - truth.shape[1] / truth.shape[0]) > 0.02:
        return None
    line = squared(over_white(sketch))
    grey = cv2.cvtColor(line, cv2.COLOR_RGB2GRAY)
    figure = squared_mask(flood(truth) if mask is None else mask) > 0.5
    regions, judged = _judged_regions(line, grey, figure)
    problem = Problem(grey, squared(over_white(truth)), figure, regions, judged)
    return problem if problem.off_lines.any() else None


def _judged_regions(
    line: Colours, grey: NDArray[np.float32], figure: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """The sketch's regions, and those that are judged; the foreground as a single region if there are none."""
    drawing = np.rint(line * 255).astype(np.uint8)
    try:
        regions = find_regions(find_ink(np.dstack([drawing, np.full((SIDE, SIDE), 255, np.uint8)]))).labels
    except NothingToColour:
        return figure.astype(np.int32), np.array([1])
    area = np.maximum(np.bincount(regions.ravel()), 1)
    inside = np.bincount(regions.ravel(), figure.ravel()) / area
    paper = np.bincount(regions.ravel(), grey.ravel()) / area
    judged = np.flatnonzero((area > _SMALLEST_SHARE * SIDE * SIDE) & (inside > 0.6) & (paper > 0.5))
    return (regions, judged) if len(judged) else (figure.astype(np.int32), np.array([1]))


def squared(colours: NDArray[np.uint8]) -> Colours:
    """Fits a picture (H, W, 3) uint8 into a white square of SIDE px, 0..1."""
    return _square(Image.fromarray(colours), (255, 255, 255))


def squared_mask(mask: Mask) -> NDArray[np.float32]:
    """Fits a mask (H, W) uint8 into a square of SIDE px filled with background, 0..1."""
    return _square(Image.fromarray(mask), 0)


def _square(image: Image.Image, fill: tuple[int, int, int] | int) -> NDArray[np.float32]:
    side = max(image.size)
    padded = Image.new(image.mode, (side, side), fill)
    padded.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    small = padded.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(small, dtype=np.float32) / np.float32(255)
