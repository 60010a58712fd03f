"""AnimeDiffusion's parts without recorded numbers: checkpoints, schedule, warp, gradients."""

import numpy as np
import pytest
import torch
from colorizer.engines.anime_diffusion import diffusion
from colorizer.engines.anime_diffusion.checkpoint import NETWORK, convert, network_from_published
from colorizer.engines.anime_diffusion.pictures import Warp, to_picture, to_tensor, xdog
from colorizer.engines.anime_diffusion.pipeline import AnimeDiffusionPipeline
from colorizer.engines.anime_diffusion.unet import AnimeDiffusionUNet
from colorizer.errors import UnusableModel
from hypothesis import given
from hypothesis import strategies as st

TINY = {"channel_base": 32, "channel_mult": [1, 1], "n_res_blocks": 1}


@pytest.fixture
def published():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = AnimeDiffusionUNet(**TINY)
    weights = {NETWORK + key: value for key, value in unet.state_dict().items()}
    return weights | diffusion.schedule_tables(diffusion.ddim_scheduler())


def test_published_checkpoint_loads_whole(published):
    unet = network_from_published(published, TINY)
    for key, value in unet.state_dict().items():
        assert torch.equal(value, published[NETWORK + key])


def test_checkpoint_file_becomes_a_model_folder(published, tmp_path):
    torch.save(published, tmp_path / "trained.model.pth")
    convert(tmp_path / "trained.model.pth", tmp_path / "models/own", TINY)
    unet = AnimeDiffusionPipeline.from_pretrained(tmp_path / "models/own").unet
    assert torch.equal(unet.input[0].weight, published["denoise_fn.input.0.weight"])


def test_broken_file_leaves_nothing(tmp_path):
    (tmp_path / "trained.model.pth").write_bytes(b"no checkpoint")
    with pytest.raises(UnusableModel):
        convert(tmp_path / "trained.model.pth", tmp_path / "models/own", TINY)
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda state: state.pop("gammas"), "`?gammas`? is missing or unknown"),
        (lambda state: state.update(ema=torch.zeros(1)), "ema is missing or unknown"),
        (lambda state: state.update(gammas=state["gammas"] * 0.9), "noise schedule"),
        (lambda state: state.pop("denoise_fn.input.0.bias"), "not an AnimeDiffusion checkpoint of this"),
        (
            lambda state: state.update({"denoise_fn.extra": torch.zeros(1)}),
            "not an AnimeDiffusion checkpoint",
        ),
    ],
)
def test_other_checkpoints_are_refused(published, change, sentence):
    change(published)
    with pytest.raises(UnusableModel, match=sentence):
        network_from_published(published, TINY)


@pytest.mark.parametrize(("steps", "times"), [(10, [901, 801, 101, 1]), (4, [751, 501, 251, 1])])
def test_sampling_starts_below_the_end_of_the_schedule(steps, times):
    schedule = diffusion.ddim_scheduler()
    schedule.set_timesteps(steps)
    assert set(times) <= set(schedule.timesteps.tolist())
    assert schedule.timesteps[0] == times[0]
    assert schedule.timesteps[-1] == 1


def test_schedule_has_the_published_values():
    gammas = diffusion.ddim_scheduler().alphas_cumprod
    expected = {0: 0.999999, 101: 0.94964, 500: 0.28473, 901: 0.016901, 999: 0.006623}
    for step, value in expected.items():
        assert float(gammas[step]) == pytest.approx(value, rel=1e-4)


def test_checkpointing_leaves_the_gradient_as_it_is(published):
    unet = network_from_published(published, TINY)
    x, t = torch.randn(1, 7, 16, 16, generator=torch.Generator().manual_seed(0)), torch.tensor([300])
    gradients = []
    for enable in (unet.disable_gradient_checkpointing, unet.enable_gradient_checkpointing):
        enable()
        unet.zero_grad()
        unet(x, t).square().sum().backward()
        gradients.append(unet.input[0].weight.grad.clone())
    torch.testing.assert_close(*gradients)


@given(st.integers(0, 2**32 - 1))
def test_drawn_warps_keep_the_corners(seed):
    warp = Warp.draw(np.random.default_rng(seed))
    columns, rows = warp.sources(20, 30)
    corners = [(0, 0), (0, -1), (-1, 0), (-1, -1)]
    assert [round(float(columns[corner])) for corner in corners] == [0, 30, 0, 30]
    assert [round(float(rows[corner])) for corner in corners] == [0, 0, 20, 20]


def test_lines_are_found_on_edges_only():
    picture = np.full((40, 40, 3), 255, np.uint8)
    picture[:, 20:] = 30
    lines = xdog(picture)
    assert set(np.unique(lines)) == {0, 255}
    assert (lines[:, 18:24] == 0).any(axis=1).all()
    assert (lines[:, :15] == 255).all()


@given(st.integers(0, 2**32 - 1))
def test_pictures_survive_the_way_through_tensors(seed):
    picture = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), np.uint8)
    back = to_picture(to_tensor(picture)[0])
    assert np.abs(back.astype(int) - picture).max() <= 1
