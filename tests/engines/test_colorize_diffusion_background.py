"""What the background branch sees with masks merged and backgrounds bleached. With COLORIZE_SCREENSHOTS=DIR the
manual's picture of it, made from the sample art, is kept there."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from colorizer import paths
from colorizer.engines.base import ColorizeRequest, Mode, Options, Reference
from colorizer.engines.colorize_diffusion.background import BackgroundRemoval
from colorizer.engines.colorize_diffusion.conditioning import foreground_painted_out
from colorizer.engines.colorize_diffusion.engine import background_removal, network_lines, switches
from colorizer.engines.colorize_diffusion.preprocess import mask_to_tensor, to_tensor
from colorizer.engines.colorize_diffusion.settings import Version
from colorizer.engines.match.engine import MatchEngine
from colorizer.imaging.pictures import over_white, read_picture, write_png
from colorizer.protocol.options import Advanced
from listening import Silent

LEFT, TOP = np.zeros((40, 60), np.uint8), np.zeros((20, 30), np.uint8)
LEFT[:, :20], TOP[:5] = 255, 255


def asked(*, merge: bool = False, bleach: bool = False, **fields) -> ColorizeRequest:
    sketch = np.full((20, 30, 4), 255, np.uint8)
    options = Options(advanced=Advanced(merge_masks=merge, bleach_background=bleach))
    return replace(ColorizeRequest(sketch, (Reference(sketch),), Mode.SPLIT, options=options), **fields)


def chosen(request: ColorizeRequest, version: Version = Version.V2) -> BackgroundRemoval:
    return background_removal(request, switches(version, request))


def test_nothing_is_hidden_unasked() -> None:
    assert BackgroundRemoval().removed_area(LEFT, TOP) is LEFT
    assert chosen(asked()) == BackgroundRemoval()


def test_merged_masks_hide_both_figures() -> None:
    hole = BackgroundRemoval(merge_masks=True).removed_area(LEFT, TOP)
    assert (hole[:10] == 255).all()
    assert (hole[10:] == LEFT[10:]).all()


def test_merging_needs_a_figure_in_the_sketch() -> None:
    assert (BackgroundRemoval(merge_masks=True).removed_area(LEFT, None) == LEFT).all()


def test_bleaching_hides_all_and_leaves_the_figures_lines() -> None:
    removal, lines = BackgroundRemoval(bleach=True), np.full((20, 30, 3), 200, np.uint8)
    assert (removal.removed_area(LEFT, TOP) == 255).all()
    kept = removal.kept_lines(lines, TOP, 0.05)
    assert (kept[:5] == 200).all()
    assert not kept[5:].any()


def test_lines_stay_where_nothing_is_bleached() -> None:
    lines = np.full((20, 30, 3), 200, np.uint8)
    assert BackgroundRemoval(merge_masks=True).kept_lines(lines, TOP, 0.05) is lines


@pytest.mark.parametrize(
    ("fields", "version"),
    [
        ({"mode": Mode.WHOLE}, Version.V2),
        ({"mode": Mode.FOREGROUND}, Version.V1_5),
        ({"background": np.zeros((3, 3, 4), np.uint8)}, Version.V2),
    ],
)
def test_choices_are_for_the_references_background(fields: dict, version: Version) -> None:
    assert chosen(asked(merge=True, bleach=True, **fields), version) == BackgroundRemoval()


@pytest.mark.parametrize("version", Version)
def test_every_version_takes_them_where_it_keeps_sides_apart(version: Version) -> None:
    assert chosen(asked(merge=True, bleach=True), version) == BackgroundRemoval(merge_masks=True, bleach=True)


def seen(reference: Reference, mask, removal: BackgroundRemoval) -> np.ndarray:
    """The background reference as the network sees it, (H, W, 3)."""
    hole = mask_to_tensor(removal.removed_area(reference.mask, mask))
    picture = foreground_painted_out(to_tensor(over_white(reference.picture)), hole, 0.5)
    return ((picture[0].permute(1, 2, 0).numpy() + 1) * 127.5).round().astype(np.uint8)


def test_sample_art_shows_the_difference() -> None:
    sketch, picture = (read_picture(paths.resource(f"sample/{name}.png")) for name in ("sketch", "reference"))
    engine = MatchEngine()
    engine.load("cpu")
    mask = engine.foreground_mask(sketch, Silent())
    reference = Reference(picture, engine.foreground_mask(picture, Silent()))
    rows = []
    for removal in (BackgroundRemoval(), BackgroundRemoval(merge_masks=True), BackgroundRemoval(bleach=True)):
        lines = 255 - removal.kept_lines(network_lines(sketch), mask, 0.05)
        rows.append(np.hstack([fitted(seen(reference, mask, removal)), fitted(lines)]))
    white = [(row[:, :360] == 255).all(2).mean() for row in rows]
    assert white[0] < white[1] < white[2] == 1
    assert (rows[2][:, 360:] == 255).mean() > (rows[0][:, 360:] == 255).mean()
    folder = os.environ.get("COLORIZE_SCREENSHOTS")
    if folder:
        write_png(Path(folder) / "background-choices.png", np.hstack([framed(row) for row in rows]))


def fitted(picture: np.ndarray) -> np.ndarray:
    """In 360 x 360 px on white."""
    tensor = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None].float()
    scale = 360 / max(picture.shape[:2])
    small = torch.nn.functional.interpolate(tensor, scale_factor=scale, mode="area")[0].permute(1, 2, 0)
    page = np.full((360, 360, 3), 255, np.uint8)
    page[: small.shape[0], : small.shape[1]] = small.numpy().astype(np.uint8)[:360, :360]
    return page


def framed(row: np.ndarray) -> np.ndarray:
    """Both pictures of a choice one above the other, in a grey frame."""
    stacked = np.vstack([row[:, :360], row[:, 360:]])
    return np.pad(stacked, ((6, 6), (6, 6), (0, 0)), constant_values=128)
