"""What ColorizeDiffusion learns from: our drawings, the published layout, an artist's folder; and its batches."""

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from colorizer.errors import InvalidInput
from colorizer.imaging.pictures import encode_png, write_png
from colorizer_lab.training.colorize_diffusion.batches import Batches
from colorizer_lab.training.colorize_diffusion.config import Augmentation, Stage, TrainingConfig, read, write
from colorizer_lab.training.colorize_diffusion.data import ArtistPictures, Item, OwnDrawings, PublishedLayout

pytest.importorskip("skia", reason="drawing needs the extra `training`")

CONFIG = TrainingConfig(stage=Stage.V2_BACKGROUND, crops=((64, 64),), batch=4)


@pytest.fixture
def published(tmp_path):
    """Two shards of three pictures whose red channel tells them apart."""
    for part in ("color", "sketch", "mask"):
        (tmp_path / part).mkdir()
        for shard in range(2):
            with zipfile.ZipFile(tmp_path / part / f"000{shard}.zip", "w") as file:
                for index in range(3):
                    level = 40 * (3 * shard + index)
                    file.writestr(f"{index}.png", encode_png(np.full((80, 70, 3), level, np.uint8)))
    return tmp_path


class Plain:
    """Items of one colour each."""

    def item(self, number):
        truth = np.full((80, 100, 3), number % 256, np.uint8)
        mask = np.zeros((80, 100), np.uint8)
        mask[30:50, 10 + 5 * (number % 8) : 40 + 5 * (number % 8)] = 255
        return Item(truth, np.full((80, 100), 255, np.uint8), mask)


def same(first, second):
    return all(torch.equal(value, getattr(second, name)) for name, value in vars(first).items())


def test_published_layout_gives_each_picture_once_an_epoch(published):
    pictures = PublishedLayout(published, seed=1)
    levels = [int(pictures.item(number).truth[0, 0, 0]) for number in range(12)]
    assert sorted(levels[:6]) == sorted(levels[6:]) == [0, 40, 80, 120, 160, 200]


def test_lists_keep_out_what_is_too_poor(published):
    facts = {f"0000.zip/{i}.png": {"aesthetic_score": 4 + i, "resolution": 900} for i in range(3)}
    facts["0001.zip/0.png"] = {"exist_sketch": False}
    (published / "image_list.json").write_text(json.dumps(facts))
    pictures = PublishedLayout(published, seed=0, least_score=5, least_side=800)
    levels = {int(pictures.item(number).truth[0, 0, 0]) for number in range(4)}
    assert levels == {40, 80, 160, 200}


def test_missing_shard_is_named(published):
    (published / "mask" / "0001.zip").unlink()
    with pytest.raises(InvalidInput, match="in `mask` 0001.zip is missing"):
        PublishedLayout(published, seed=0)


def test_damaged_picture_is_named(published):
    with zipfile.ZipFile(published / "sketch" / "0000.zip", "w") as file:
        file.writestr("0.png", b"no picture")
    pictures = PublishedLayout(published, seed=0)
    with pytest.raises(InvalidInput, match=r"0000\.zip contains no readable picture"):
        [pictures.item(number) for number in range(6)]


def test_artists_folder_makes_sketch_and_mask(tmp_path):
    write_png(tmp_path / "a.png", OwnDrawings(0, 1, 96).item(0).truth)
    item = ArtistPictures(tmp_path, seed=0).item(0)
    assert item.sketch.shape == item.mask.shape == (96, 96)
    assert item.sketch.min() < 100
    assert {0, 255} >= set(np.unique(item.mask > 127) * 255)


def test_empty_folder_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="contains no PNG, JPEG or WebP"):
        ArtistPictures(tmp_path, seed=0)


def test_shares_of_processes_are_the_whole_batch():
    whole = Batches(Plain(), CONFIG, 4).of(3)
    halves = [Batches(Plain(), CONFIG, 4, (rank, 2)).of(3) for rank in range(2)]
    joined = {name: torch.cat([getattr(half, name) for half in halves]) for name in vars(whole)}
    assert all(torch.equal(value, joined[name]) for name, value in vars(whole).items())


def test_batch_is_decided_by_its_number():
    batches = Batches(Plain(), CONFIG, 4)
    assert same(batches.of(1), Batches(Plain(), CONFIG, 4).of(1))
    assert not same(batches.of(1), batches.of(2))


def test_split_stages_cut_another_figure_out_too():
    changes = Augmentation(mask_block=(8, 8))
    merged = Batches(Plain(), replace(CONFIG, augmentation=changes), 4).of(0).reference_mask
    alone = Batches(Plain(), replace(CONFIG, augmentation=changes, stage=Stage.V1), 4).of(0).reference_mask
    assert (merged >= alone).all()
    assert merged.mean() > alone.mean()


def test_picture_sketch_and_mask_are_cut_alike():
    config = replace(CONFIG, augmentation=Augmentation(load_size=128, mask_block=(0, 0), mirror=0.5))
    drawings = OwnDrawings(0, 4, 128)

    class Marked:
        def item(self, number):
            mask = drawings.item(number).mask
            marked = np.repeat(mask[..., None], 3, 2)
            return Item(marked, 255 - mask, mask, region_colours=marked)

    batch = Batches(Marked(), config, 4).of(0)
    for picture in (batch.truth, batch.sketch, batch.region_colours):
        assert ((picture[:, :1] > 0) == (batch.sketch_mask > 0.5)).float().mean() > 0.98


def test_region_colours_change_with_the_truth():
    changes = Augmentation(recolour=1.0)

    class Coloured(Plain):
        def item(self, number):
            item = super().item(number)
            return replace(item, region_colours=item.truth)

    batch = Batches(Coloured(), replace(CONFIG, augmentation=changes), 4).of(0)
    assert torch.equal(batch.region_colours, batch.truth)
    assert Batches(Plain(), CONFIG, 4).of(0).region_colours.shape == (4, 0, 64, 64)


def test_drawings_bring_the_match_engines_colours():
    item = OwnDrawings(0, 2, 64, region_colours=True).item(1)
    paper = item.sketch > 0.8 * item.sketch.max()
    assert (item.mask > 0).any()
    assert item.region_colours.shape == item.truth.shape
    near = np.abs(item.region_colours[paper].astype(int) - item.truth[paper]).max(axis=1) < 60
    assert near.mean() > 0.3


def test_border_is_blank_paper():
    config = replace(CONFIG, batch=16, augmentation=Augmentation(border=30))

    class Inked(Plain):
        def item(self, number):
            return replace(super().item(number), sketch=np.zeros((80, 100), np.uint8))

    sketch = Batches(Inked(), config, 4).of(0).sketch
    assert (sketch[:, :, 32, 32] == 1).all()
    assert (sketch[:, :, 0, 0] == -1).any()
    assert (sketch[:, :, 0, 0] == 1).any()


def test_settings_survive_their_file(tmp_path):
    config = replace(CONFIG, start=tmp_path, drop=0.3, augmentation=Augmentation(border=7))
    write(config, tmp_path / "config.toml")
    assert read(tmp_path / "config.toml") == config


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("stepz = 3", "`stepz`: Unexpected"),
        ("stage = 'v3'", "`stage`: Input should be"),
        ("=", "not a valid settings file"),
    ],
)
def test_wrong_settings_are_named(tmp_path, text, sentence):
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(InvalidInput, match=sentence):
        read(tmp_path / "config.toml")
