"""Manipulation, preparation and conversion of numbers, without recorded fixtures."""

import numpy as np
import pytest
import tiny_colorize_diffusion as tiny
import torch
from colorizer.engines.colorize_diffusion import manipulation, postprocess, preprocess
from colorizer.engines.colorize_diffusion.architecture import build
from colorizer.engines.colorize_diffusion.attention import AttentionPlan, level_masks
from colorizer.engines.colorize_diffusion.checkpoint_keys import Component
from colorizer.engines.colorize_diffusion.denoiser import Denoiser, Features
from colorizer.engines.colorize_diffusion.image_tokens import text_vectors
from colorizer.engines.colorize_diffusion.noise import NoiseSchedule
from colorizer.engines.colorize_diffusion.positions import (
    decoder_positions,
    encoder_positions,
    transformers_in_order,
)
from colorizer.engines.colorize_diffusion.preprocess import Box, SketchStyle
from colorizer.engines.colorize_diffusion.settings import DiffusionSettings, Edit, Version
from colorizer.errors import InvalidInput
from hypothesis import given
from hypothesis import strategies as st

LIMITS = (0.5, 0.55, 0.65, 0.95)
sides = st.integers(1, 300)


def weights(relevance):
    return manipulation.position_weights(torch.tensor(relevance), torch.ones(()), LIMITS).tolist()


def test_weights_at_the_thresholds():
    assert weights([0.0, 0.5, 0.55, 0.65, 0.95, 1.0]) == pytest.approx([-2, -2, 0, 0.5, 1, 1], abs=1e-5)


@given(st.lists(st.floats(0.501, 1), min_size=2, max_size=9))
def test_more_relevant_tokens_move_more(relevance):
    found = weights(sorted(relevance))
    assert found == sorted(found)


def unit(words):
    vector = torch.randn(1, 1, 8, generator=torch.Generator().manual_seed(len(words)))
    return vector / vector.norm()


@pytest.mark.parametrize("anchor", [None, "hair colour"])
def test_everything_moves_all_tokens_alike(anchor):
    tokens = torch.randn(1, 5, 8, generator=torch.Generator().manual_seed(0))
    moved = manipulation.manipulate_local(tokens, [Edit("red", "everything", anchor, 2.0)], unit)
    shift = (moved - tokens)[:, 1:]
    assert torch.allclose(shift, shift[:, :1].expand_as(shift), atol=1e-5)
    assert torch.equal(moved[:, 0], tokens[:, 0])


def test_published_everything_is_a_word_like_others():
    tokens = torch.randn(1, 5, 8, generator=torch.Generator().manual_seed(0))
    moved = manipulation.manipulate_local(tokens, [Edit("red", "everything", None, 2.0)], unit, parity=True)
    shift = (moved - tokens)[:, 1:]
    assert not torch.allclose(shift, shift[:, :1].expand_as(shift), atol=1e-5)


@pytest.mark.parametrize(
    "line", ["red hair", "[target] red; [scale] much", "[target] red; [anchor] none; [scale] 1"]
)
def test_unreadable_edits_are_told(line):
    with pytest.raises(InvalidInput, match="can't be read"):
        manipulation.parse_edits(line)


class Tokenizer:
    """Letters as tokens; the end token has the largest id."""

    def __call__(self, words, **_):
        ids = [ord(letter) % 60 for letter in words[:7]] + [63] + [0] * 8
        return type("Encoding", (), {"input_ids": torch.tensor([ids[:8]])})()


def test_words_change_the_picture():
    pipeline = tiny.make(Version.V1)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        pipeline.text_encoder = build(Component.TEXT_ENCODER, tiny.SIZES).eval()
    pipeline.tokenizer = Tokenizer()
    plain = pipeline.conditions(tiny.pictures(), DiffusionSettings()).tokens
    edited = pipeline.conditions(
        tiny.pictures(), DiffusionSettings(edits=(Edit("red", "hair", scale=3.0),))
    ).tokens
    assert edited.shape == plain.shape
    assert (edited - plain).abs().max() > 0.1


def test_text_vectors_are_unit_and_end_at_the_end_token():
    encoder = build(Component.TEXT_ENCODER, tiny.SIZES).eval()
    ids = torch.tensor([[5, 7, 63, 0, 0, 0, 0, 0], [5, 7, 63, 9, 9, 9, 9, 9]])
    with torch.no_grad():
        first, second = text_vectors(encoder, ids)
    assert torch.allclose(first, second, atol=1e-6)
    assert first.norm() == pytest.approx(1, abs=1e-5)


@given(sides, sides, st.sampled_from([(64, 64), (64, 192), (128, 64)]))
def test_fitted_picture_stays_inside(height, width, size):
    fitted, box = preprocess.fit(torch.ones(1, 3, height, width), size)
    assert fitted.shape[-2:] == size
    assert 0 <= box.left <= box.left + box.width <= size[1]
    assert 0 <= box.top <= box.top + box.height <= size[0]
    assert max(box.height / size[0], box.width / size[1]) >= 1 - 1 / min(size)


def test_cropping_undoes_fitting():
    picture = np.zeros((64, 64, 3), np.uint8)
    assert postprocess.crop(picture, Box(3, 5, 20, 10)).shape == (10, 20, 3)


@given(st.integers(0, 255))
def test_levels_survive_the_way_there_and_back(level):
    picture = np.full((2, 3, 3), level, np.uint8)
    back = postprocess.to_picture(preprocess.to_tensor(picture))
    assert np.abs(back.astype(int) - level).max() <= 1  # truncated, as published


@pytest.mark.parametrize(
    ("style", "paper"), [(SketchStyle.DARK_ON_LIGHT, 255), (SketchStyle.LIGHT_ON_DARK, 0)]
)
def test_paper_is_background(style, paper):
    picture = np.full((8, 8, 3), paper, np.uint8)
    assert torch.equal(preprocess.sketch_lines(picture, style), torch.full((1, 3, 8, 8), -1.0))


def test_even_grey_is_no_line():
    grey = np.full((40, 40, 3), 90, np.uint8)
    grey[20] = 10
    lines = preprocess.sketch_lines(grey, SketchStyle.SHADED)
    assert lines[0, 0, 20].min() > -0.1  # a usual line has half the full level
    assert lines[0, 0, 2].max() == -1


@given(st.floats(0.0, 999.0))
def test_time_steps_and_sigmas_are_each_others_inverse(timestep):
    schedule = NoiseSchedule()
    sigma = schedule.sigma_at(torch.tensor([timestep], dtype=torch.float32))
    assert schedule.timestep_of(sigma).item() == pytest.approx(timestep, abs=5e-2)


@pytest.mark.parametrize("is_velocity", [True, False])
def test_denoised_is_what_was_noised(is_velocity):
    clean, noise = torch.randn(2, 1, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    schedule = NoiseSchedule()
    alpha = float(schedule.alphas_cumprod[400])
    noised = schedule.add_noise(clean, noise, 400)
    prediction = alpha**0.5 * noise - (1 - alpha) ** 0.5 * clean if is_velocity else noise
    assert torch.allclose(
        schedule.denoised(noised, prediction, 400.0, is_velocity=is_velocity), clean, atol=1e-4
    )


def test_positions_are_counted_as_in_the_papers():
    unet = build(Component.UNET, tiny.SIZES)
    encoder = list(encoder_positions(unet.down_blocks))
    decoder = list(decoder_positions(unet.up_blocks))
    assert [step.downsampler is not None for step in encoder] == [i in (2, 5, 8) for i in range(11)]
    assert [step.upsampler is not None for step in decoder] == [i in (2, 5, 8) for i in range(12)]
    assert len(transformers_in_order(unet)) == 16
    assert transformers_in_order(unet)[6] is unet.mid_block.attentions[0]


@torch.no_grad()
def test_plain_pass_is_diffusers_own():
    """Without residuals, sides and style our walk through the UNet is `UNet2DConditionModel.forward`."""
    unet = build(Component.UNET, tiny.SIZES).eval()
    latent, tokens = torch.randn(2, 4, 8, 16), torch.randn(2, 7, 32)
    timesteps = torch.tensor([10.0, 500.5])
    expected = unet(latent, timesteps, tokens).sample
    residuals = [torch.zeros(())] * 5
    ours = Denoiser(unet)(latent, timesteps, Features(tokens, residuals), AttentionPlan(2, [1.0] * 16))
    assert (ours - expected).abs().max() < 1e-5


def test_masks_per_level_are_not_clamped():
    mask = torch.zeros(1, 1, 16, 24)
    mask[..., 8:] = 1
    masks = level_masks(mask, 4)
    assert sorted(masks) == [6, 24, 96, 384]
    assert masks[96].min() < 0
