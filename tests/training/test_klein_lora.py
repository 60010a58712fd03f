"""The LoRA's training on a tiny model: the loss falls, it resumes exactly, the engine loads what it leaves."""

import json

import cv2
import numpy as np
import pytest
import tiny_flux2_klein
import torch
from colorizer.engines.flux2_klein import lora, model
from colorizer.engines.flux2_klein.files import LORA_FILE
from colorizer.engines.models import Installed
from colorizer.errors import InvalidInput
from colorizer_lab.training import Overrides, klein_lora
from colorizer_lab.training.klein_lora import Recipe, train
from colorizer_lab.training.klein_lora_data import OwnDrawings, PictureFolder
from colorizer_lab.training.loop import open_run
from safetensors.torch import load_file


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base") / "tiny"
    tiny_flux2_klein.make(distilled=False).save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("COLORIZE_HOME", str(tmp_path / "home"))


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    picture = np.full((64, 48, 3), (40, 90, 220), np.uint8)
    picture[16:48, 12:36] = (220, 200, 60)
    cv2.imwrite(str(folder / "one.png"), picture)
    return folder


def recipe(base, data, **changes):
    sizes = {"size": 64, "rank": 4, "steps": 4, "learning_rate": 1e-2, "log_every": 1}
    return Recipe(base, data, **sizes | changes)


def lines(out):
    return [json.loads(line) for line in (out / "training.jsonl").read_text().splitlines()]


@torch.no_grad()
def loss(training):
    """The mean over some items and times that are always the same."""
    numbers = range(1000, 1006)
    items = [training._items.item(number) for number in numbers]
    generators = [torch.Generator().manual_seed(number) for number in numbers]
    return sum(training._loss(*one).item() for one in zip(items, generators, strict=True))


def test_the_loss_falls_and_the_engine_loads_the_product(base, pictures, tmp_path):
    out = tmp_path / "run"
    train(out, recipe=recipe(base, pictures, steps=30))
    trained = klein_lora._Training(recipe(base, pictures), "cpu", 0, open_run(out, resume=True))
    after = loss(trained)
    trained._network.disable_adapters()
    assert after < 0.97 * loss(trained)
    installed = Installed("flux2_klein_lora", "LoRA", tmp_path / "run")
    file = lora.find(installed, "lora")
    tiny = model.read(base)
    before = {name: value.clone() for name, value in tiny.pipeline.transformer.state_dict().items()}
    assert lora.use(tiny, file, 0.5)
    assert not lora.use(tiny, file, 0.5)
    kept = tiny.pipeline.transformer.state_dict()
    adapters = [value for name, value in kept.items() if ".lora_B." in name]
    assert len(adapters) == 8 + 2
    assert all(value.abs().sum() > 0 for value in adapters)
    assert lora.use(tiny, None, 1)
    after = tiny.pipeline.transformer.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_resumes_exactly(base, pictures, tmp_path):
    train(tmp_path / "whole", recipe=recipe(base, pictures))
    train(tmp_path / "halves", recipe=recipe(base, pictures, steps=2))
    train(tmp_path / "halves", resume=True, recipe=recipe(base, pictures))
    whole, halves = (load_file(tmp_path / name / "lora" / LORA_FILE) for name in ("whole", "halves"))
    assert whole.keys() == halves.keys()
    assert all(torch.equal(whole[key], halves[key]) for key in whole)
    assert lines(tmp_path / "whole") == lines(tmp_path / "halves")


def test_items_are_the_same_for_the_same_number(pictures):
    for items in (OwnDrawings(64, 3), PictureFolder(pictures, 64, 3)):
        one, again, other = items.item(5), items.item(5), items.item(6)
        assert np.array_equal(one.picture, again.picture)
        assert np.array_equal(one.reference, again.reference)
        assert not np.array_equal(one.reference, other.reference)
        assert one.picture.shape == one.lines.shape == one.reference.shape == (64, 64, 3)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (Overrides(stage="v1"), "takes only --from MODEL and --data"),
        (Overrides(), "Download flux2-klein-base-4b on the Models page"),
    ],
)
def test_says_what_is_wrong(overrides, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        klein_lora.settings(overrides)


def test_says_that_a_folder_is_empty(base, tmp_path):
    (tmp_path / "none").mkdir()
    with pytest.raises(InvalidInput, match="contains no pictures"):
        train(tmp_path / "run", recipe=recipe(base, tmp_path / "none"))
