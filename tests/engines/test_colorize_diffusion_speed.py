"""What is kept from step to step and from picture to picture changes nothing; how a model is put onto a device."""

from dataclasses import replace

import pytest
import tiny_colorize_diffusion as tiny
import torch
from colorizer.engines.colorize_diffusion import guidance, previews, speed
from colorizer.engines.colorize_diffusion.pipeline import Steps
from colorizer.engines.colorize_diffusion.samplers import Sampler
from colorizer.engines.colorize_diffusion.settings import (
    DiffusionSettings,
    Guidance,
    Injection,
    Modes,
    Version,
)
from colorizer.engines.runtime import memory_profiles
from diffusers import AutoencoderTiny
from diffusers.hooks.group_offloading import ModuleGroup

TWO = Steps(Sampler.EULER, count=2)
MODES = [
    (Version.V1, DiffusionSettings(Modes(background=True))),
    (Version.V1_5, DiffusionSettings(Modes(foreground=True, background=True), guidance=Guidance(4, 2))),
    (Version.V2, DiffusionSettings(Modes(background=True, style=True))),
    (Version.V2, DiffusionSettings(Modes(background=True), injection=Injection(0.5))),
]


@pytest.mark.parametrize(("version", "settings"), MODES)
def test_kept_keys_and_values_change_nothing(version, settings, monkeypatch):
    pipeline = tiny.make(version)
    pictures = tiny.pictures()
    quick = pipeline(pictures, settings, TWO, (3, 4))
    plan = guidance.Rows.plan
    monkeypatch.setattr(guidance.Rows, "plan", lambda *given, cache, **others: plan(*given, **others))
    plain = pipeline(pictures, settings, TWO, (3, 4))
    assert (quick - plain).abs().max() < 1e-5


def test_reference_is_looked_at_once():
    pipeline, looked = tiny.make(Version.V2), []
    pipeline.image_encoder.visual_projection.register_forward_hook(lambda *_: looked.append(1))
    pictures, settings = tiny.pictures(), DiffusionSettings(Modes(background=True))
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
    assert len(pipeline.cache) == 16


def test_processor_decides_the_precision(monkeypatch):
    for units, dtype in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(memory_profiles, "has_bfloat16_units", lambda units=units: units)
        assert speed.PROFILES.choose("cpu") == memory_profiles.MemoryProfile("cpu", dtype, channels_last=True)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_placed_model_draws_nearly_the_same(dtype):
    pipeline, pictures = tiny.make(Version.V2), tiny.pictures()
    settings = DiffusionSettings(Modes(background=True, style=True))
    before = pipeline(pictures, settings, TWO)
    speed.place(pipeline, memory_profiles.MemoryProfile("cpu", dtype, channels_last=True))
    assert pipeline.vae.dtype == pipeline.image_encoder.dtype == torch.float32
    assert pipeline.unet.dtype == dtype
    after = pipeline(pictures, settings, TWO)
    tolerance = 0.1 if dtype == torch.bfloat16 else 1e-4
    assert (after - before).abs().mean() < tolerance * before.abs().mean()


ALL_THERE = DiffusionSettings(Modes(background=True, style=True))
FIG2FIG = DiffusionSettings(Modes(foreground=True, background=True), guidance=Guidance(4, 2))


@pytest.mark.parametrize(("version", "settings"), [(Version.V2, ALL_THERE), (Version.V1_5, FIG2FIG)])
@pytest.mark.parametrize("keep", [memory_profiles.Residency.GROUPS, memory_profiles.Residency.LAYERS])
def test_what_is_kept_on_the_device_changes_nothing(keep, version, settings):
    pipeline, pictures = tiny.make(version), tiny.pictures()
    before = pipeline(pictures, settings, TWO)
    speed.place(pipeline, memory_profiles.MemoryProfile("cpu", keep=keep))
    assert torch.equal(pipeline(pictures, settings, TWO), before)
    speed.place(pipeline, memory_profiles.MemoryProfile("cpu"))
    assert torch.equal(pipeline(pictures, settings, TWO), before)


def test_layers_run_only_while_they_are_there(monkeypatch):
    away = {}

    def leave(group):
        away.update({tensor: tensor.data for tensor in tensors_of(group) if tensor not in away})
        for tensor in tensors_of(group):
            tensor.data = torch.empty(0)

    def come(group):
        for tensor in tensors_of(group):
            tensor.data = away.pop(tensor, tensor.data)

    pipeline, pictures = tiny.make(Version.V2), tiny.pictures()
    before = pipeline(pictures, ALL_THERE, TWO)
    monkeypatch.setattr(ModuleGroup, "offload_", leave)
    monkeypatch.setattr(ModuleGroup, "onload_", come)
    speed.place(pipeline, memory_profiles.MemoryProfile("cpu", keep=memory_profiles.Residency.LAYERS))
    everything = sum(len(list(getattr(pipeline, name).parameters())) for name in ("unet", "vae", "style"))
    assert len(away) > everything
    assert torch.equal(pipeline(pictures, ALL_THERE, TWO), before)


def tensors_of(group):
    inside = (tensor for module in group.modules for tensor in (*module.parameters(), *module.buffers()))
    return [*inside, *group.parameters, *group.buffers]


def test_networks_run_only_while_they_are_there():
    pipeline, ran = tiny.make(Version.V2), []
    speed.place(pipeline, memory_profiles.MemoryProfile("cpu", keep=memory_profiles.Residency.GROUPS))
    hooks = pipeline.unet._hf_hook.others
    for hook in hooks:
        for layer in (layer for network in hook.networks for layer in network.modules()):
            if not list(layer.children()):
                layer.register_forward_pre_hook(lambda *_, hook=hook: ran.append((hook, hook.present)))
    pipeline(tiny.pictures(), ALL_THERE, TWO)
    assert all(present for _, present in ran)
    assert {hook for hook, _ in ran} == {hook for hook in hooks if hook.networks}
    assert sum(hook.present for hook in hooks) == 1


@pytest.mark.parametrize(("version", "settings"), MODES[1:])
def test_rows_apart_change_nothing(version, settings):
    pipeline, pictures = tiny.make(version), tiny.pictures()
    together = pipeline(pictures, settings, TWO, (3, 4))
    pipeline.denoiser.one_row_at_a_time = True
    assert (pipeline(pictures, settings, TWO, (3, 4)) - together).abs().max() < 1e-4


def test_rows_apart_are_alone():
    pipeline, rows = tiny.make(Version.V1), []
    pipeline.denoiser.one_row_at_a_time = True
    pipeline.unet.conv_in.register_forward_pre_hook(lambda _, inputs: rows.append(len(inputs[0])))
    pipeline(tiny.pictures(), DiffusionSettings(), TWO)
    assert rows == [1] * 4


@pytest.mark.parametrize("device", ["cuda", "xpu", "mps", "cpu"])
def test_every_setting_needs_less_than_the_one_before(device):
    wanted = [gib for gib, _ in speed.PROFILES.profiles(device)]
    assert wanted == sorted(set(wanted), reverse=True)
    assert wanted[-1] == 0
    way, names = speed.PROFILES.profiles(device)[0][1], []
    while way:
        names.append(way.name)
        way = speed.PROFILES.cheaper(way)
    assert names == [way.name for _, way in speed.PROFILES.profiles(device)]


@pytest.mark.parametrize(
    ("free", "name"), [(79, "everything"), (7.2, "8 GB"), (5, "6 GB"), (3.2, "4 GB"), (1, "least")]
)
def test_free_memory_decides_the_setting(free, name, monkeypatch):
    monkeypatch.setattr(memory_profiles, "free_memory", lambda _: free * 2**30)
    assert speed.PROFILES.choose("cuda").name == name


def test_memory_can_be_capped(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (20 * 2**30, 24 * 2**30))
    monkeypatch.setenv(memory_profiles.CEILING, "5.5")
    assert memory_profiles.free_memory("cuda") == 5.5 * 2**30
    monkeypatch.setenv(memory_profiles.CEILING, "")
    assert memory_profiles.free_memory("cuda") == 20 * 2**30


def test_tiles_are_as_large_as_a_usual_picture():
    pipeline = tiny.make(Version.V1)
    speed.place(pipeline, memory_profiles.MemoryProfile("cpu", tiled=True))
    decoded = []
    pipeline.vae.decoder.register_forward_pre_hook(lambda _, inputs: decoded.append(inputs[0].shape[-2:]))
    pipeline.decode(torch.zeros(1, 4, 16, 64))
    assert decoded == [(16, 64)]
    pipeline.decode(torch.zeros(1, 4, 16, 72))
    assert decoded[1:] == [(16, 64), (16, 24)]


def test_previews_cost_a_tiny_network_where_there_is_one():
    pipeline, latent = tiny.make(Version.V1), torch.randn(1, 4, 128, 200)
    pipeline.tiny_vae = AutoencoderTiny(
        encoder_block_out_channels=(8,) * 4, decoder_block_out_channels=(8,) * 4
    )
    speed.place(
        pipeline, memory_profiles.MemoryProfile("cpu", torch.bfloat16, keep=memory_profiles.Residency.LAYERS)
    )
    shown = pipeline.preview(latent.bfloat16())
    assert shown.shape == (1, 3, 25 * 8, 40 * 8)
    assert shown.dtype == torch.float32


@pytest.mark.parametrize("allowed", [True, False])
def test_previews_fetch_the_vae_only_where_it_is_quick(allowed):
    pipeline, decoded = tiny.make(Version.V1), []
    pipeline.vae.decoder.register_forward_pre_hook(lambda _, inputs: decoded.append(inputs[0].shape))
    pipeline.vae_previews = allowed
    assert pipeline.preview(torch.randn(1, 4, 16, 64)).shape[1] == 3
    assert decoded == ([(1, 4, 8, 32)] if allowed else [])


@pytest.mark.parametrize("keep", memory_profiles.Residency)
def test_a_processor_has_no_time_for_the_vaes_previews(keep):
    pipeline = tiny.make(Version.V1)
    speed.place(pipeline, memory_profiles.MemoryProfile("cpu", keep=keep))
    assert not pipeline.vae_previews


def test_linear_previews_tell_light_from_dark():
    light, dark = torch.tensor([1.0, 1, 0, -1]), torch.tensor([-1.0, -1, 0, 1])
    shown = previews.linear(torch.stack([light, dark]).view(2, 4, 1, 1))
    assert (shown[0] > 0.5).all()
    assert (shown[1] < -0.5).all()


def test_an_earlier_way_leaves_nothing_behind():
    pipeline = tiny.make(Version.V1)
    speed.place(
        pipeline, memory_profiles.MemoryProfile("cpu", channels_last=True, tiled=True, one_row_at_a_time=True)
    )
    assert pipeline.unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)
    speed.place(pipeline, memory_profiles.MemoryProfile("cpu"))
    assert pipeline.unet.conv_in.weight.is_contiguous()
    left = (pipeline.vae.use_tiling, pipeline.vae.use_slicing, pipeline.denoiser.one_row_at_a_time)
    assert left == (False, False, False)
