"""The match engine's colours as an input: models that take them correct them, others refuse them."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import tiny_colorize_diffusion as tiny
import torch
from colorizer.engines.base import ColorizeRequest, Mode, Options, Reference
from colorizer.engines.colorize_diffusion import engine as door
from colorizer.engines.colorize_diffusion import patches, pipeline
from colorizer.engines.colorize_diffusion.architecture import build
from colorizer.engines.colorize_diffusion.checkpoint_keys import Component
from colorizer.engines.colorize_diffusion.engine import ColorizeDiffusionEngine
from colorizer.engines.colorize_diffusion.pipeline import ColorizeDiffusionPipeline, Steps
from colorizer.engines.colorize_diffusion.region_colours import region_colours
from colorizer.engines.colorize_diffusion.samplers import Sampler
from colorizer.engines.colorize_diffusion.settings import DiffusionSettings, Guidance, Injection, Version
from colorizer.errors import InvalidInput
from colorizer_lab.training.colorize_diffusion.networks import add_region_colours_input
from listening import Silent

RED = (200, 30, 30)
TWO = Steps(Sampler.EULER, count=2)


class Previewing(Silent):
    def preview(self, picture):
        assert picture().ndim == 3


@pytest.fixture(scope="module")
def taking():
    """A v1 model that takes region colours, and heeds them."""
    model = tiny.make(Version.V1)
    add_region_colours_input(model.unet)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        torch.nn.init.normal_(model.unet.conv_in.weight, std=0.2)
    return model


def coloured(value):
    return replace(tiny.pictures(), region_colours=torch.full((1, 3, 64, 64), value))


def box():
    """A square drawn on white, and a reference in which everything is red."""
    sketch = np.full((96, 96, 4), 255, np.uint8)
    sketch[20:76, 20:22, :3] = sketch[20:76, 74:76, :3] = 0
    sketch[20:22, 20:76, :3] = sketch[74:76, 20:76, :3] = 0
    reference = np.full((64, 64, 4), (*RED, 255), np.uint8)
    return ColorizeRequest(sketch, (Reference(reference),), options=Options(steps=1, size=64))


def test_regions_take_the_references_colours_under_the_ink():
    colours = region_colours(box(), Silent())
    assert tuple(colours[48, 48]) == tuple(colours[5, 5]) == RED
    assert colours[48, 20].max() < 30


def test_masks_divide_the_regions():
    mask = np.zeros((96, 96), np.uint8)
    mask[20:76, 20:76] = 255
    reference = np.full((64, 64, 4), (*RED, 255), np.uint8)
    reference[16:48, 16:48, :3] = (20, 60, 200)
    marked = np.zeros((64, 64), np.uint8)
    marked[16:48, 16:48] = 255
    request = replace(
        box(), references=(Reference(reference, marked),), mode=Mode.FOREGROUND, sketch_mask=mask
    )
    colours = region_colours(request, Silent())
    assert (tuple(colours[48, 48]), tuple(colours[5, 5])) == ((20, 60, 200), RED)


def test_region_colours_act(taking):
    dark, light = (taking(coloured(value), DiffusionSettings(), TWO) for value in (-1.0, 1.0))
    assert not torch.equal(dark, light)


def test_injected_reference_brings_its_own(taking):
    settings = DiffusionSettings(injection=Injection(0.5))
    assert taking(coloured(1.0), settings, TWO).isfinite().all()


def test_rows_apart_are_the_same(taking):
    settings = DiffusionSettings(guidance=Guidance(reference=2.0))
    together = taking(coloured(0.5), settings, TWO)
    taking.denoiser.one_row_at_a_time = True
    apart = taking(coloured(0.5), settings, TWO)
    taking.denoiser.one_row_at_a_time = False
    assert (together - apart).abs().max() < 1e-4


@pytest.mark.parametrize("takes", [True, False])
def test_wrong_input_is_refused(taking, takes):
    model, given = (taking, tiny.pictures()) if takes else (tiny.shared(Version.V1), coloured(1.0))
    assert model.takes_region_colours is takes
    with pytest.raises(InvalidInput, match="trained with them"):
        model(given, steps=TWO)


def test_what_is_denoised_is_added_to_them(taking, monkeypatch):
    monkeypatch.setattr(pipeline, "denoise", lambda predict, scheduler, latent, on_step: latent * 0)
    drawn = taking(coloured(0.5), steps=TWO)
    assert (drawn - coloured(0.5).region_colours).abs().max() < 1e-5


def test_previews_show_them_too():
    colours, heard = torch.ones(1, 4, 8, 8), []
    pipeline.with_colours(colours, lambda done, total, ahead: heard.append(ahead()))(
        1, 2, lambda: colours * 2
    )
    assert torch.equal(heard[0], colours * 3)


def test_saved_model_takes_them_still(taking, tmp_path):
    taking.save_pretrained(tmp_path)
    assert ColorizeDiffusionPipeline.from_pretrained(tmp_path).takes_region_colours


def test_engine_asks_only_for_models_that_take_them(taking, tmp_path, monkeypatch):
    asked = []

    def told(request, report):
        asked.append(request)
        return region_colours(request, report)

    monkeypatch.setattr(door, "region_colours", told)
    taking.save_pretrained(tmp_path / "a-taking")
    tiny.make(Version.V1).save_pretrained(tmp_path / "b-other")
    engine = ColorizeDiffusionEngine(tmp_path)
    for model in ("a-taking", "b-other"):
        assert engine.colorize(replace(box(), model=model), Silent()).layers
    assert [request.model for request in asked] == ["a-taking"]


def test_model_without_autoencoder_loads_by_itself(tmp_path, monkeypatch):
    sizes = replace(tiny.SIZES, latent_channels=patches.CHANNELS)
    unet, sketch_encoder = (build(part, sizes) for part in (Component.UNET, Component.SKETCH_ENCODER))
    tower = build(Component.IMAGE_ENCODER, sizes)
    small = ColorizeDiffusionPipeline(unet, sketch_encoder, patches.PatchTransform(), tower, size=64)
    small.save_pretrained(tmp_path / "small")
    monkeypatch.delitem(sys.modules, patches.__name__)
    monkeypatch.delattr(f"{patches.__package__}.patches")
    assert ColorizeDiffusionEngine(tmp_path).colorize(box(), Previewing()).layers
