"""The networks beside the UNet, the UNet's activations, and the state that the published v2 leaves behind."""

from dataclasses import replace

import published
import pytest
import torch
from colorizer.engines.colorize_diffusion.checkpoint_keys import Component, targets
from colorizer.engines.colorize_diffusion.conditioning import Conditioner
from colorizer.engines.colorize_diffusion.guidance import Rows
from colorizer.engines.colorize_diffusion.noise import BETA_END, BETA_START, NoiseSchedule
from colorizer.engines.colorize_diffusion.positions import decoder_positions, encoder_positions
from colorizer.engines.colorize_diffusion.recovery import TokenBlock, sinusoid
from colorizer.engines.colorize_diffusion.reference_encoder import size_embedding
from colorizer.engines.colorize_diffusion.settings import Branch, DiffusionSettings, Modes, Thresholds
from diffusers import DDPMScheduler
from published import Arrays

SYSTEMS = ("cd_v1", "cd_v15", "cd_v2")
PLAIN = Rows(1, without_sketch=False, without_reference=False)


@pytest.fixture
def arrays(folder):
    return Arrays(folder / "cases_forward.npz")


@pytest.fixture
def network(folder):
    """Our network of a component."""
    return published.model_of(folder).networks.__getitem__


def vanilla(folder, arrays):
    """The conditions of the plain case."""
    model = published.model_of(folder)
    config = published.config_of(folder)["forward_cases"]["fwd.vanilla"]
    pictures = published.pictures_of(arrays.of("inputs.a"), config["cond"])
    conditioner = Conditioner(model.version, published.recorded_networks(model, arrays.of("fwd.vanilla")))
    return conditioner.prepare(pictures, DiffusionSettings())


@published.needs("cluster_transformer.x")
@torch.no_grad()
def test_recovery_transformer(network, arrays, agree):
    recovery = network(Component.RECOVERY)
    agree(recovery(arrays["cluster_transformer.x"]), arrays["cluster_transformer.out"])


@published.needs("thresh_embedder.x")
@torch.no_grad()
def test_threshold_embedder(network, arrays, agree):
    embedder = network(Component.THRESHOLD_EMBEDDER)
    agree(embedder(arrays["thresh_embedder.x"]), arrays["thresh_embedder.out"])


@published.needs("bg_encoder.x")
@pytest.mark.parametrize(
    ("component", "name", "outputs", "tolerance"),
    [
        (Component.BACKGROUND_ENCODER, "bg_encoder", "hints", published.RAW_FEATURES),
        (Component.STYLE_ENCODER, "style_encoder", "mods", published.FORWARD),
    ],
)
@torch.no_grad()
def test_reference_encoder(component, name, outputs, tolerance, network, arrays, agree):
    encoder = network(component)
    recorded = arrays.of(name)
    assert not recorded["t"].any()
    ours = encoder(recorded["x"], recorded["context"], recorded["y"])
    for i, one in enumerate(ours):
        agree(one, recorded[f"{outputs}.{i}"], tolerance, f"{outputs}.{i}")


@published.needs("ratio_embedder.x")
def test_size_embedding(folder, arrays, agree):
    agree(sinusoid(arrays["ratio_embedder.x"], 256), arrays["ratio_embedder.out"])
    for name in arrays.numbered("size_emb", ".out"):
        ref_h, ref_w, height, width = arrays[name.replace(".out", ".ref_hw_gen_hw")].tolist()
        agree(size_embedding((ref_h, ref_w), (height, width)), arrays[name], name=name)


@published.needs("warp0.x")
@torch.no_grad()
def test_skip_warp(network, arrays, agree):
    warp = network(Component.WARP)
    for number in range(len(warp.blocks)):
        if f"warp{number}.x" in arrays:
            recorded = arrays.of(f"warp{number}")
            agree(warp(number, recorded["x"], recorded["context"]), recorded["out"], name=f"warp{number}")


@published.needs("warp_head64_")
@torch.no_grad()
def test_skip_warp_with_published_heads(folder, arrays, agree):
    for case in sorted({name.split(".")[0] for name in arrays.names if name.startswith("warp_head64_")}):
        recorded = arrays.of(case)
        block = TokenBlock(recorded["x"].shape[1], 64)
        block.load_state_dict(block_weights(arrays, f"{case}.w."))
        tokens = recorded["x"].flatten(2).transpose(1, 2)
        ours = block(tokens, recorded["context"])
        agree(ours.transpose(1, 2).reshape(recorded["x"].shape), recorded["out"], name=case)
        itself = block.norm1(tokens)  # without a context they attend to themselves
        ours = tokens + block.attention(itself, itself)
        ours = ours + block.mlp(block.norm2(ours))
        agree(ours.transpose(1, 2).reshape(recorded["x"].shape), recorded["out_self"], name=f"{case} itself")


def block_weights(arrays, prefix):
    weights = {}
    for name in arrays.names:
        if name.startswith(prefix):
            published_key = f"model.diffusion_model.warp_modules.0.{name.removeprefix(prefix)}"
            (target,) = targets(published_key)
            weights[target.key.removeprefix("blocks.0.")] = arrays[name]
    return weights


@published.needs("acts.x")
@torch.no_grad()
def test_activations(folder, arrays, agree):
    """Every step of the UNet; residuals are added after what is recorded."""
    denoiser = published.model_of(folder).denoiser
    unet = denoiser.unet
    steps = {"input0": unet.conv_in, "middle": unet.mid_block, "out": unet.conv_out}
    for kind, found, first in (
        ("input", encoder_positions(unet.down_blocks), 1),
        ("output", decoder_positions(unet.up_blocks), 0),
    ):
        for i, step in enumerate(found, first):
            last = step.upsampler or step.downsampler or step.transformer or step.resnet
            steps[f"{kind}{i}"] = last
    seen = {}
    hooks = [
        module.register_forward_hook(lambda _m, _i, out, name=name: seen.__setitem__(name, out))
        for name, module in steps.items()
    ]
    conditions = vanilla(folder, arrays)
    plan = PLAIN.plan(conditions, sees_reference=True)
    denoiser(arrays["acts.x"], arrays["acts.t"].float(), PLAIN.features(conditions), plan)
    for hook in hooks:
        hook.remove()
    for name, ours in seen.items():
        ours = ours[0] if isinstance(ours, tuple) else ours
        agree(ours, arrays[f"acts.{name}"], published.RAW_FEATURES, name)


@published.needs("time_embed0.t")
@torch.no_grad()
def test_time_embedding(folder, arrays, agree):
    unet = published.model_of(folder).denoiser.unet
    for name in arrays.numbered("time_embed", ".t"):
        ours = unet.time_embedding(unet.time_proj(arrays[name].float()))
        agree(ours, arrays[name.replace(".t", ".out")], name=name)


@published.needs("ddpm.x0")
def test_noise_and_velocity(folder, arrays, agree):
    """What a trainer needs is diffusers' own."""
    scheduler = DDPMScheduler(beta_start=BETA_START, beta_end=BETA_END, beta_schedule="scaled_linear")
    recorded = arrays.of("ddpm")
    x0, noise, t = recorded["x0"], recorded["noise"], recorded["t"]
    agree(scheduler.add_noise(x0, noise, t), recorded["q_sample"], name="q_sample")
    agree(scheduler.get_velocity(x0, noise, t), recorded["get_v"], name="velocity")


@published.needs("ddpm.start_from_v")
def test_estimates_of_the_clean_latent(folder, arrays, agree):
    recorded, schedule = arrays.of("ddpm"), NoiseSchedule()
    for i, t in enumerate(recorded["t"].tolist()):
        noisy, output = recorded["x0"][i], recorded["noise"][i]  # any two tensors will do
        for name, is_velocity in (("start_from_noise", False), ("start_from_v", True)):
            ours = schedule.denoised(noisy, output, float(t), is_velocity=is_velocity)
            agree(ours, recorded[name][i], name=name)
        alpha = float(schedule.alphas_cumprod[t])
        agree(output * alpha**0.5 + noisy * (1 - alpha) ** 0.5, recorded["eps_from_v"][i], name="noise of v")


@published.needs("leak.x")
@torch.no_grad()
def test_published_v2_leaves_its_lora_on(folder, arrays, agree):
    """With parity a plain run after a masked one differs, as published; without it is like a fresh one."""
    recorded = Arrays(folder / "cases_state_leak.npz").of("leak")
    model = published.model_of(folder)
    for parity, name in ((True, "vanilla_after_masked"), (False, "vanilla_fresh")):
        conditions = after_masked_run(folder, arrays, model, parity=parity)
        plan = PLAIN.plan(conditions, sees_reference=True)
        ours = model.denoiser(recorded["x"], recorded["t"].float(), PLAIN.features(conditions), plan)
        agree(ours, recorded[name], name=name)
    assert (recorded["vanilla_fresh"] - recorded["vanilla_after_masked"]).abs().max() > 1e-3


def after_masked_run(folder, arrays, model, *, parity):
    masked, plain = (
        published.config_of(folder)["forward_cases"][f"fwd.{name}"] for name in ("bg", "vanilla")
    )
    conditioner = Conditioner(model.version, published.recorded_networks(model, arrays.of("fwd.bg")))
    settings = DiffusionSettings(Modes(background=True), Thresholds(0.5, 0.5), parity=parity)
    used = conditioner.prepare(published.pictures_of(arrays.of("inputs.a"), masked["cond"]), settings)
    assert used.adapters == frozenset(Branch)
    conditioner.networks = published.recorded_networks(model, arrays.of("fwd.vanilla"))
    pictures = published.pictures_of(arrays.of("inputs.a"), plain["cond"])
    return conditioner.prepare(pictures, replace(settings, modes=Modes()))
