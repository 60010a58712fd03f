"""Batches for the match network: labels follow the pictures, and the ring can be drawn again."""

from dataclasses import replace

import pytest
import torch
from colorizer.engines.match.network import MatchConfig
from colorizer.engines.match.network_input import Window
from colorizer_lab.data.drawing import triplet
from colorizer_lab.data.palette import BACKGROUND_PARTS
from colorizer_lab.training.match import Recipe, region_places
from colorizer_lab.training.match_data import (
    DrawingRing,
    Frame,
    collate,
    crop,
    draw_frames,
    key_parts,
    lay,
    vary,
    whole_frames,
)

SIZE = 64


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def batch():
    return collate([triplet(seed, SIZE) for seed in range(12)])


def test_masks_tell_figure_from_background(batch):
    assert torch.equal(batch.ink_mask[:, 0] == 1, batch.parts >= BACKGROUND_PARTS)
    assert set(batch.ink_mask.unique().tolist()) == {-1.0, 1.0}


def test_ink_is_one_on_lines():
    drawing = triplet(5, SIZE)
    ink = collate([drawing]).ink[0, 0]
    assert torch.equal(ink > 0.5, torch.from_numpy(drawing.sketch < 127.5))


def test_varied_labels_stay_with_their_pictures(batch):
    varied = vary(batch, generator())
    for i in range(len(batch.ink)):
        parts, drawn = varied.parts[i], varied.instances[i] > 0
        same = torch.equal(parts[drawn], batch.parts[i][drawn])
        assert same or torch.equal(parts[drawn], batch.parts[i].flip(-1)[drawn])


def test_margins_are_blank_paper_and_background(batch):
    varied = [vary(batch, generator(seed)) for seed in range(4)]
    ink, parts, drawn = (
        torch.cat([getattr(one, name) for one in varied]) for name in ("ink", "parts", "instances")
    )
    assert 0.02 < (drawn == 0).float().mean() < 0.2
    assert ink[:, 0][drawn == 0].max() == 0
    assert parts[drawn == 0].max() < BACKGROUND_PARTS


def test_recoloured_reference_follows_the_palette():
    drawing = triplet(8, SIZE)
    flat = collate([drawing] * 16)
    painted = torch.from_numpy(drawing.palette[drawing.reference_parts]).permute(2, 0, 1)
    flat.reference[:] = painted
    varied = vary(flat, generator(3))
    for i in range(16):
        expected = varied.palette[i][varied.reference_parts[i]].permute(2, 0, 1)
        margin = (varied.reference[i] == 1).all(0)
        assert torch.allclose(varied.reference[i][:, ~margin], expected[:, ~margin], atol=1e-5)
    assert not torch.allclose(varied.palette[0], varied.palette[1])


def test_masks_are_sometimes_unknown(batch):
    seen = [vary(batch, generator(seed)) for seed in range(20)]
    unknown = torch.cat([(one.ink_mask == 0).flatten(1).all(1) for one in seen])
    assert 0.1 < unknown.float().mean() < 0.35


def test_rough_masks_differ_only_near_the_border(batch):
    seen = [vary(batch, generator(seed)) for seed in range(10)]
    exact = [(v.parts >= BACKGROUND_PARTS).float()[:, None] * 2 - 1 for v in seen]
    wrong = [((v.ink_mask != e) & (v.ink_mask != 0)).float().mean() for v, e in zip(seen, exact, strict=True)]
    assert 0 < max(wrong) < 0.3
    assert min(wrong) == 0


def test_key_part_is_the_only_part_of_a_cell(batch):
    cells = key_parts(batch.reference_parts, 16)
    blocks = batch.reference_parts.unfold(1, 4, 4).unfold(2, 4, 4).flatten(3)
    pure = (blocks == blocks[..., :1]).all(-1)
    assert pure.any()
    assert torch.equal(cells[pure], blocks[..., 0][pure])


def test_ring_is_drawn_again_after_a_resume():
    ring = DrawingRing(4, SIZE)
    ring.renew(3)
    again = DrawingRing(4, SIZE, drawn=ring.drawn)
    one, other = (r.batch(4, generator(1)) for r in (ring, again))
    for name, value in vars(one).items():
        assert torch.equal(value, getattr(other, name)), name


def test_training_never_draws_validation_seeds():
    first = collate([triplet(0, SIZE)])
    ring = DrawingRing(4, SIZE)
    assert not any(torch.equal(kept, first.parts[0]) for kept in ring.batch(4, generator()).parts)


def test_places_lie_in_their_region(batch):
    recipe = Recipe(network=MatchConfig(image_size=SIZE, query_grid=32, key_grid=16))
    places, regions = region_places(batch, recipe, generator())
    parts = batch.parts[:, ::2, ::2].flatten(1)
    assert places.shape == (12, recipe.regions, recipe.places)
    for place in places.unbind(2):
        assert torch.equal(parts.gather(1, place), regions)


def test_small_regions_are_asked_often(batch):
    recipe = Recipe(network=MatchConfig(image_size=SIZE, query_grid=32, key_grid=16))
    _, regions = region_places(batch, recipe, generator())
    cells = batch.parts[:, ::2, ::2].flatten(1)
    assert (regions == 0).float().mean() < 0.5 * (cells == 0).float().mean()


def test_whole_pictures_are_seen_where_nothing_is_told_about_masks(batch):
    blind = replace(batch, ink_mask=batch.ink_mask * 0)
    assert draw_frames(blind, 1.0, generator()) == whole_frames(blind)
    assert draw_frames(batch, 0.0, generator()) == whole_frames(batch)


def test_close_ups_stay_in_the_picture_and_show_the_figure(batch):
    for frame, parts in zip(draw_frames(batch, 1.0, generator(2)), batch.parts, strict=True):
        for window in (frame.sketch, frame.reference):
            assert 0 <= window.x <= SIZE - window.side
            assert 0 <= window.y <= SIZE - window.side
        x, y, side = frame.sketch.x, frame.sketch.y, frame.sketch.side
        assert (parts[y : y + side, x : x + side] >= BACKGROUND_PARTS).any()


def test_crop_of_everything_is_everything(batch):
    same = crop(batch, whole_frames(batch), SIZE)
    assert all(
        torch.equal(one, other) for one, other in zip(*(vars(b).values() for b in (batch, same)), strict=True)
    )


def test_labels_of_a_crop_follow_its_picture():
    drawing = triplet(8, SIZE)
    flat = collate([drawing])
    flat.reference[:] = torch.from_numpy(drawing.palette[drawing.reference_parts]).permute(2, 0, 1)
    seen = crop(flat, [Frame(Window(8, 4, 32), Window(16, 20, 32))], 32)
    expected = seen.palette[0][seen.reference_parts[0]].permute(2, 0, 1)
    assert torch.equal(seen.reference[0], expected)
    assert torch.equal(seen.parts[0], flat.parts[0, 4:36, 8:40])


def test_a_reference_is_laid_alike_from_near(batch):
    frames = draw_frames(batch, 1.0, generator(3))
    near, whole = lay(batch, frames, SIZE), lay(batch)
    assert torch.equal(near.likeness, whole.likeness)
    for i, frame in enumerate(frames):
        middle = frame.sketch.y + frame.sketch.side // 2, frame.sketch.x + frame.sketch.side // 2
        px = ((near.where[i, SIZE // 2, SIZE // 2] + 1) / 2) * frame.reference.side
        there = px + torch.tensor([frame.reference.x, frame.reference.y])
        assert torch.allclose(there, (whole.where[i][middle] + 1) / 2 * SIZE, atol=1.5)
