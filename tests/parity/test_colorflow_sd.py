"""ColorFlow on Stable Diffusion against the published program: guider, injection, LoRA, schedule, pipeline."""

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
    FORWARD,
    build,
    check_denoising,
    finished_pipelines,
    in_both_precisions,
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
def sd_networks(fixture):
    config = fixture.config
    unet = build(UNet2DConditionModel, config["unet"])
    add_lora(unet, config["lora"]["targets"], config["lora"]["r"])
    unet.load_state_dict(fixture.weights("weights_unet_lora.safetensors"))
    weights = fixture.weights("weights_colorguider.safetensors")
    return unet, sd_guider_from_published(weights, config["colorguider"])


def forward_inputs(fixture, case, *names):
    return [fixture.arrays[f"{case}.{name}"] for name in names]


def test_sd_guider_leaves_the_published_residuals(fixture, sd_networks):
    _, guider = sd_networks
    for case in fixture.cases("fwd"):
        if "guider5" in case:
            continue
        residuals = guider(*forward_inputs(fixture, case, "x", "t", "cond"))
        places = {f"down.{index}": part for index, part in enumerate(residuals.down)} | {"mid": residuals.mid}
        places |= {f"up.{index}": part for index, part in enumerate(residuals.up)}
        spread = torch.logspace(*GUESS_DECADES, len(places))
        for (place, part), share in zip(places.items(), spread, strict=True):
            for name, factor in (("s1", 1.0), ("s05", 0.5), ("guess", float(share))):
                if f"{case}.{name}.{place}" in fixture.arrays:
                    fixture.check(f"{case}.{name}.{place}", part * factor, f"{case}.{name}.{place}", FORWARD)


def test_sd_guider_takes_an_undivided_condition(fixture, sd_networks):
    config = {**fixture.config["colorguider"], "conditioning_channels": 5}
    weights = fixture.weights("weights_colorguider.safetensors")
    guider = sd_guider_from_published(
        weights | {"conv_in_condition.weight": fixture.arrays["guider5.conv_in_condition.weight"]},
        config,
    )
    residuals = guider(*forward_inputs(fixture, "fwd_guider5", "x", "t", "cond"))
    places = {f"down{index}": part for index, part in enumerate(residuals.down)} | {"mid": residuals.mid}
    places |= {f"up{index}": part for index, part in enumerate(residuals.up)}
    recorded = [name for name in places if f"fwd_guider5.{name}" in fixture.arrays]
    assert recorded
    for name in recorded:
        fixture.check(f"fwd_guider5.{name}", places[name], f"fwd_guider5.{name}", FORWARD)


def test_sd_network_takes_the_residuals_where_published(fixture, sd_networks):
    unet, guider = sd_networks
    for case in fixture.cases("fwd"):
        if "guider5" in case:
            continue
        for name, factor in (("s1", 1.0), ("s05", 0.5), (None, 0.0)):

            def predict(dtype, case=case, factor=factor):
                x, cond, text = (
                    part.to(dtype) for part in forward_inputs(fixture, case, "x", "cond", "text")
                )
                t = fixture.arrays[f"{case}.t"]
                with guided(unet, guider(x, t, cond).scaled(factor)):
                    return unet(x, t, text).sample

            got, rounding = in_both_precisions(sd_networks, predict)
            want = f"{case}.{name}.noise_pred" if name else f"{case}.noise_pred_without_guider"
            fixture.check(want, got, want, FORWARD, rounding)
        bare = f"{case}.noise_pred_without_guider_without_lora"
        with without_lora(unet):
            got, rounding = in_both_precisions(sd_networks, predict)
        fixture.check(bare, got, bare, FORWARD, rounding)


def test_schedule_has_the_published_times(fixture):
    scheduler = sd_scheduler()
    for case in fixture.cases("unipc"):
        scheduler.set_timesteps(int(case.removeprefix("unipc")))
        fixture.check(f"{case}.timesteps", scheduler.timesteps, f"{case}.timesteps", 0)
        fixture.check(f"{case}.sigmas", scheduler.sigmas, f"{case}.sigmas", 1e-6)


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
        fixture.check(f"{case}.condition", condition, f"{case}.conditioning_latents", FORWARD)
        check_denoising(fixture, case, run, pipeline, condition)
        decoded = pipeline.decode(fixture.arrays[f"{case}.out_latent"])
        fixture.check(f"{case}.decoded", decoded, f"{case}.decoded", FORWARD)


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
