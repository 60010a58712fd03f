"""What is kept from step to step and from picture to picture changes nothing; how a model is put onto a device."""

from dataclasses import replace

import pytest
import tiny_colorize_diffusion as tiny
import torch
from colorizer.engines.colorize_diffusion import guidance, speed
from colorizer.engines.colorize_diffusion.pipeline import Steps
from colorizer.engines.colorize_diffusion.samplers import Sampler
from colorizer.engines.colorize_diffusion.settings import Guidance, Injection, Modes, Settings, Version

TWO = Steps(Sampler.EULER, count=2)
MODES = [
    (Version.V1, Settings(Modes(background=True))),
    (Version.V1_5, Settings(Modes(foreground=True, background=True), guidance=Guidance(4, 2))),
    (Version.V2, Settings(Modes(background=True, style=True))),
    (Version.V2, Settings(Modes(background=True), injection=Injection(0.5))),
]


@pytest.mark.parametrize(("version", "settings"), MODES)
def test_kept_keys_and_values_change_nothing(version, settings, monkeypatch):
    pipeline = tiny.make(version)
    pictures = tiny.pictures()
    quick = pipeline(pictures, settings, TWO, (3, 4))
    plan = guidance.Rows.plan
    monkeypatch.setattr(guidance.Rows, "plan", lambda *given, kept, **others: plan(*given, **others))
    plain = pipeline(pictures, settings, TWO, (3, 4))
    assert (quick - plain).abs().max() < 1e-5


def test_reference_is_looked_at_once():
    pipeline, looked = tiny.make(Version.V2), []
    pipeline.image_encoder.visual_projection.register_forward_hook(lambda *_: looked.append(1))
    pictures, settings = tiny.pictures(), Settings(Modes(background=True))
    first = pipeline(pictures, settings, TWO)
    assert len(looked) == 2
    assert torch.equal(pipeline(pictures, settings, TWO), first)
    assert len(looked) == 2
    pipeline(replace(pictures, reference=pictures.reference + 0.1), settings, TWO)
    assert len(looked) == 4


def test_memory_is_bounded():
    pipeline = tiny.make(Version.V1)
    for shade in torch.linspace(-1, 1, 40):
        pipeline.image_tokens(torch.full((1, 3, 8, 8), float(shade)))
    assert len(pipeline.memory) == 16


def test_processor_decides_the_precision(monkeypatch):
    for units, dtype in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(speed, "has_bfloat16_units", lambda units=units: units)
        assert speed.choose("cpu") == speed.Way("cpu", dtype, channels_last=True)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_placed_model_draws_nearly_the_same(dtype):
    pipeline, pictures = tiny.make(Version.V2), tiny.pictures()
    settings = Settings(Modes(background=True, style=True))
    before = pipeline(pictures, settings, TWO)
    speed.place(pipeline, speed.Way("cpu", dtype, channels_last=True))
    assert pipeline.vae.dtype == pipeline.image_encoder.dtype == torch.float32
    assert pipeline.unet.dtype == dtype
    after = pipeline(pictures, settings, TWO)
    tolerance = 0.1 if dtype == torch.bfloat16 else 1e-4
    assert (after - before).abs().mean() < tolerance * before.abs().mean()
