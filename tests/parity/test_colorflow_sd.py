"""ColorFlow on Stable Diffusion against the published program: guider, injection, LoRA, schedule, pipeline."""

from functools import partial

import pytest
import torch
from colorizer.engines.colorflow.condition import guider_condition
from colorizer.engines.colorflow.lora import SD_TARGETS, add_lora
from colorizer.engines.colorflow.prompts import Prompts
from colorizer.engines.colorflow.published import sd_guider_from_published
from colorizer.engines.colorflow.sd_guider import SDGuider, guided
from colorizer.engines.colorflow.sd_pipeline import ColorFlowSDPipeline, sd_scheduler
from diffusers import UNet2DConditionModel
from recorded import (
    build,
    check_denoising,
    check_steps,
    finished_pipelines,
    load_vae,
    shapes,
    without_lora,
)

SYSTEMS = ("colorflow_sd",)
GUESS_DECADES = (-1, 0)


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


@pytest.fixture
def sd_networks(fixture, recorded_time):
    config = fixture.config
    unet = build(UNet2DConditionModel, config["unet"])
    add_lora(unet, config["lora"]["targets"], config["lora"]["r"])
    unet.load_state_dict(fixture.weights("weights_unet_lora.safetensors"))
    weights = fixture.weights("weights_colorguider.safetensors")
    return unet, sd_guider_from_published(weights, config["colorguider"])


def forward_inputs(fixture, case, *names):
    return [fixture.arrays[f"{case}.{name}"] for name in names]


def check_residuals(fixture, guider, start, case, factors=None, separator="."):
    """Compares all residuals of a case that are recorded under names with `start`, each times its factor."""
    down, up = len(guider.brushnet_down_blocks), len(guider.brushnet_up_blocks)
    places = [*(("down", index) for index in range(down)), ("mid",), *(("up", index) for index in range(up))]
    names = [start + separator.join(map(str, place)) for place in places]
    kept = [index for index, name in enumerate(names) if name in fixture.arrays]

    def compute(dtype):
        x, cond = (part.to(dtype) for part in forward_inputs(fixture, case, "x", "cond"))
        found = guider(x, fixture.arrays[f"{case}.t"], cond)
        parts = [*found.down, found.mid, *found.up]
        return [parts[index] * (factors[index] if factors else 1) for index in kept]

    fixture.check_run([names[index] for index in kept], [guider], compute)
    return len(kept)


def test_sd_guider_leaves_the_published_residuals(fixture, sd_networks):
    _, guider = sd_networks
    places = len(guider.brushnet_down_blocks) + 1 + len(guider.brushnet_up_blocks)
    spread = torch.logspace(*GUESS_DECADES, places).tolist()
    for case in (case for case in fixture.cases("fwd") if "guider5" not in case):
        assert check_residuals(fixture, guider, f"{case}.s1.", case) == places
        check_residuals(fixture, guider, f"{case}.s05.", case, [0.5] * places)
        check_residuals(fixture, guider, f"{case}.guess.", case, spread)


def test_sd_guider_takes_an_undivided_condition(fixture, sd_networks):
    config = {**fixture.config["colorguider"], "conditioning_channels": 5}
    weights = fixture.weights("weights_colorguider.safetensors")
    guider = sd_guider_from_published(
        weights | {"conv_in_condition.weight": fixture.arrays["guider5.conv_in_condition.weight"]},
        config,
    )
    assert check_residuals(fixture, guider, "fwd_guider5.", "fwd_guider5", separator="")


def test_sd_network_takes_the_residuals_where_published(fixture, sd_networks):
    unet, guider = sd_networks
    for case in (case for case in fixture.cases("fwd") if "guider5" not in case):

        def predict(dtype, factor, case=case):
            x, cond, text = (part.to(dtype) for part in forward_inputs(fixture, case, "x", "cond", "text"))
            t = fixture.arrays[f"{case}.t"]
            with guided(unet, guider(x, t, cond).scaled(factor)):
                return [unet(x, t, text).sample]

        silent = partial(predict, factor=0.0)
        for name, factor in (("s1", 1.0), ("s05", 0.5)):
            fixture.check_run([f"{case}.{name}.noise_pred"], sd_networks, partial(predict, factor=factor))
        fixture.check_run([f"{case}.noise_pred_without_guider"], sd_networks, silent)
        with without_lora(unet):
            fixture.check_run([f"{case}.noise_pred_without_guider_without_lora"], sd_networks, silent)


def test_schedule_has_the_published_times(fixture):
    scheduler = sd_scheduler()
    for case in fixture.cases("unipc"):
        scheduler.set_timesteps(int(case.removeprefix("unipc")))
        fixture.check(f"{case}.timesteps", scheduler.timesteps, f"{case}.timesteps", 0)
        fixture.check(f"{case}.sigmas", scheduler.sigmas, f"{case}.sigmas")


def test_sd_pipeline_agrees_given_the_recorded_draws(fixture, sd_networks):
    vae = load_vae(fixture)
    for case, run in finished_pipelines(fixture):
        array = {name: fixture.arrays.get(f"{case}.{name}") for name in ("latents", "vae_noise")}
        prompts = Prompts.of(
            fixture.arrays[f"{case}.prompt_embeds"][0],
            fixture.arrays[f"{case}.negative_prompt_embeds"][0],
        )
        pipeline = ColorFlowSDPipeline(*sd_networks, vae, sd_scheduler(), prompts)
        canvas = fixture.arrays[f"{case}.cond_image"].numpy()

        condition = guider_condition(vae, canvas, array["vae_noise"])
        fixture.check(f"{case}.condition", condition, f"{case}.conditioning_latents")
        check_steps(fixture, case, run, pipeline, condition, "noise_pred")
        check_denoising(fixture, case, run, pipeline, condition)
        decoded = pipeline.decode(fixture.arrays[f"{case}.out_latent"])
        fixture.check(f"{case}.decoded", decoded, f"{case}.decoded")


def test_full_size_file_is_accounted_for(fixture):
    with torch.device("meta"):
        guider = SDGuider()
    assert shapes(guider) == {key: value[0] for key, value in fixture.keys().items()}


def test_full_size_lora_has_the_published_tensors(fixture):
    with torch.device("meta"):
        unet = UNet2DConditionModel(cross_attention_dim=768)
        add_lora(unet, SD_TARGETS, 64)
    adapters = {key: value for key, value in shapes(unet).items() if ".lora_" in key}
    listed = fixture.keys("full_keys_unet_lora.json")
    assert adapters == {key: value[0] for key, value in listed.items()}
    assert len(adapters) == 320
