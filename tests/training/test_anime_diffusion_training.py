"""AnimeDiffusion's trainer: both phases learn, and a resumed training is the same to the bit."""

import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from colorizer.engines.anime_diffusion.pipeline import AnimeDiffusionPipeline
from colorizer.errors import InvalidInput
from colorizer.imaging.pictures import write_png
from colorizer_lab.training.anime_diffusion import Recipe, learning_rate, train
from colorizer_lab.training.anime_diffusion_data import OwnDrawings, PublishedFolder

pytest.importorskip("skia", reason="drawing needs the extra `training`")

TINY = Recipe(
    channel_base=32,
    channel_mult=(1, 1),
    n_res_blocks=1,
    size=32,
    noise_steps=4,
    reconstruction_steps=2,
    sampling_steps=2,
    warmup_steps=2,
    log_every=1,
    save_every=100,
)


def weights(run):
    return AnimeDiffusionPipeline.from_pretrained(run / "model").unet.state_dict()


def stop_at(step):
    def progress(now):
        if now.step == step:
            signal.raise_signal(signal.SIGTERM)

    return progress


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run = tmp_path_factory.mktemp("run")
    train(run, recipe=TINY)
    return run


@pytest.mark.parametrize("step", [3, 5])
def test_resumed_weights_are_the_same_bits_in_both_phases(finished, tmp_path, step):
    train(tmp_path, recipe=TINY, progress=stop_at(step))
    train(tmp_path, recipe=TINY, resume=True)
    for name, value in weights(finished).items():
        assert torch.equal(value, weights(tmp_path)[name]), name


def test_noise_phase_lowers_its_loss(tmp_path):
    seen = []
    recipe = replace(TINY, noise_steps=40, reconstruction_steps=0, learning_rate=2e-3)
    train(tmp_path, recipe=recipe, progress=lambda now: seen.append(now.losses["noise"]))
    assert seen[-1] < 0.95 * seen[0]


def test_rate_warms_up_and_comes_down_in_each_phase():
    recipe = Recipe(noise_steps=100, reconstruction_steps=50, warmup_steps=10)
    rates = [learning_rate(step, recipe) for step in range(recipe.steps)]
    assert rates[9] == pytest.approx(recipe.learning_rate)
    assert rates[109] == pytest.approx(recipe.learning_rate)
    assert rates[99] < 0.01 * recipe.learning_rate
    assert rates[100] < rates[101]


def test_published_folder_gives_every_item_once_an_epoch(tmp_path):
    for part in ("reference", "condition"):
        (tmp_path / part).mkdir()
        for index in range(3):
            write_png(tmp_path / part / f"{index}.png", np.full((40, 60, 3), 60 * index, np.uint8))
    folder = PublishedFolder(tmp_path, 32, seed=0)
    levels = [int(folder.item(number).picture[16, 16, 0]) for number in range(6)]
    assert sorted(levels[:3]) == sorted(levels[3:]) == [0, 60, 120]


def test_folder_without_pairs_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="pictures of equal names; there are 0 and 0"):
        PublishedFolder(tmp_path, 32, seed=0)


def test_own_drawings_are_decided_by_their_number():
    first, again, other = (OwnDrawings(32, 0).item(number) for number in (4, 4, 5))
    assert np.array_equal(first.reference, again.reference)
    assert not np.array_equal(first.picture, other.picture)
