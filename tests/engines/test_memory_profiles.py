"""MemoryProfiles of settings: the same mechanism for every engine that draws; what is kept where changes no picture."""

from pathlib import Path

import numpy as np
import pytest
import tiny_colorflow
import torch
from colorizer.engines.anime_diffusion import speed as anime_speed
from colorizer.engines.anime_diffusion.diffusion import ddim_scheduler
from colorizer.engines.anime_diffusion.engine import AnimeDiffusionEngine
from colorizer.engines.anime_diffusion.pipeline import AnimeDiffusionPipeline
from colorizer.engines.anime_diffusion.unet import AnimeDiffusionUNet
from colorizer.engines.base import ColorizeRequest, Options, Reference
from colorizer.engines.colorflow import speed as colorflow_speed
from colorizer.engines.colorflow.input_style import InputStyle
from colorizer.engines.colorflow.page import PageSettings, colour_page
from colorizer.engines.colorflow.retrieval import Size
from colorizer.engines.colorize_diffusion import speed as colorize_diffusion_speed
from colorizer.engines.flux2_klein import speed as flux2_klein_speed
from colorizer.engines.runtime import memory_profiles
from colorizer.engines.runtime.memory_profiles import MemoryProfile, MemoryProfiles, ModelSlot, Residency
from listening import Listener

SPEEDS = (colorize_diffusion_speed, colorflow_speed, anime_speed, flux2_klein_speed)
FULL = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.14 GiB.")


@pytest.fixture(params=SPEEDS, ids=lambda speed: speed.__name__.split(".")[-2])
def profiles(request):
    return request.param.PROFILES


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "xpu", "mps", "cpu"])
def test_every_list_ends_where_nothing_is_wanted(profiles, device):
    wanted = [gib for gib, _ in profiles.profiles(device)]
    assert wanted == sorted(wanted, reverse=True)
    assert wanted[-1] == 0
    assert all(profile.device == device for _, profile in profiles.profiles(device))


def test_runs_out_of_memory_down_to_the_last_profile(profiles, monkeypatch):
    monkeypatch.setattr(memory_profiles, "free_memory", lambda _: 2**40)
    placed, listener = [], Listener()
    slot = ModelSlot(profiles, lambda folder: folder.name, lambda _, profile: placed.append(profile))
    slot.load(Path("a model"), "cuda")

    def draw():
        if profiles.cheaper(slot.profile):
            raise FULL
        return "a picture"

    assert slot.run(draw, listener) == "a picture"
    assert placed == [profile for _, profile in profiles.profiles("cuda")]
    assert listener.names == ["Retrying with less memory"] * (len(placed) - 1)


def test_a_model_is_read_and_placed_only_where_something_changes(profiles):
    read, placed = [], []
    slot = ModelSlot(
        profiles,
        lambda folder: read.append(folder.name) or folder.name,
        lambda model, profile: placed.append((model, profile.device)),
    )
    for name, device in [("a", "cpu"), ("a", "cpu"), ("a", "mps"), ("b", "mps"), ("b", "mps")]:
        slot.load(Path(name), device)
        assert slot.model == name
    assert read == ["a", "b"]
    assert placed == [("a", "cpu"), ("a", "mps"), ("b", "mps")]


def test_gives_up_after_the_last_profile_and_for_other_failures(profiles, monkeypatch):
    monkeypatch.setattr(memory_profiles, "free_memory", lambda _: 0)
    slot = ModelSlot(profiles, lambda folder: folder.name, lambda *_: None)
    slot.load(Path("a model"), "cuda")
    for error in (FULL, RuntimeError("mat1 and mat2 shapes cannot be multiplied")):
        with pytest.raises(RuntimeError, match=str(error)[:12]):
            slot.run(lambda error=error: (_ for _ in ()).throw(error), Listener())


@pytest.fixture(params=[tiny_colorflow.make_sd, tiny_colorflow.make_pixart], ids=["grey", "sketch"])
def model(request):
    return request.param()


def page(model):
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(2)]
    settings = PageSettings(InputStyle.LINES, Size(64, 64), steps=2)
    return colour_page(model, pictures[0], pictures[1:], settings)


def test_what_colorflow_keeps_on_a_device_changes_no_picture(model):
    before = page(model)
    for keep in (Residency.GROUPS, Residency.LAYERS, Residency.ALL):
        colorflow_speed.place(model, MemoryProfile("cpu", keep=keep))
        assert np.array_equal(page(model), before)


def test_colorflows_networks_run_only_while_they_are_there(model):
    colorflow_speed.place(model, MemoryProfile("cpu", keep=Residency.GROUPS))
    hooks, ran = model.fusion._hf_hook.others, []
    for hook in hooks:
        for layer in (layer for network in hook.networks for layer in network.modules()):
            if not list(layer.children()):
                layer.register_forward_pre_hook(lambda *_, hook=hook: ran.append((hook, hook.present)))
    page(model)
    assert all(present for _, present in ran)
    assert {hook for hook, _ in ran} == set(hooks)


def test_colorflow_colours_in_half_precision(model):
    before = page(model).astype(float)
    colorflow_speed.place(model, MemoryProfile("cpu", torch.bfloat16))
    assert model.colouring.guider.dtype == torch.bfloat16
    assert model.tower.network.dtype == model.colouring.vae.dtype == torch.float32
    assert np.abs(page(model) - before).mean() < 8


def test_anime_diffusion_goes_on_on_the_processor(tmp_path, monkeypatch):
    """The cards' profiles on this processor: its one network runs out of memory once."""
    unet = AnimeDiffusionUNet(channel_base=32, channel_mult=(1, 1), n_res_blocks=1)
    AnimeDiffusionPipeline(unet, ddim_scheduler()).save_pretrained(tmp_path / "tiny")
    forward, tried = AnimeDiffusionUNet.forward, []

    def once(self, *given):
        tried.append(1)
        if len(tried) == 1:
            raise FULL
        return forward(self, *given)

    monkeypatch.setattr(AnimeDiffusionUNet, "forward", once)
    monkeypatch.setattr(memory_profiles, "free_memory", lambda _: 2**40)
    steps = anime_speed.PROFILES.dedicated
    monkeypatch.setattr(anime_speed, "PROFILES", MemoryProfiles(steps, steps, precise=True))
    sketch = np.full((60, 60, 4), 255, np.uint8)
    sketch[10:50, 20:23, :3] = sketch[10:13, 20:50, :3] = 0
    asked = ColorizeRequest(sketch, (Reference(sketch),), options=Options(steps=1, size=32))
    listener = Listener()
    result = AnimeDiffusionEngine(tmp_path).colorize(asked, listener)
    assert result.report["memory"] == "processor"
    assert listener.names.count("Retrying with less memory") == 1
