"""ColorFlow on PixArt against the published program: guider, injection, LoRA, schedule, pipeline."""

from functools import partial

import pytest
import torch
from colorizer.engines.colorflow.condition import guider_condition
from colorizer.engines.colorflow.lora import PIXART_TARGETS, add_lora
from colorizer.engines.colorflow.pixart_guider import PixArtGuider, canvas_sizes, guided
from colorizer.engines.colorflow.pixart_pipeline import ColorFlowPixArtPipeline, pixart_scheduler
from colorizer.engines.colorflow.prompts import Prompts
from colorizer.engines.colorflow.published import PIXART_ALIAS, pixart_guider_from_published
from diffusers import PixArtTransformer2DModel
from recorded import (
    build,
    check_denoising,
    check_steps,
    finished_pipelines,
    load_vae,
    shapes,
    without_lora,
)

SYSTEMS = ("colorflow_pixart",)
FULL_PIXART = {
    "num_attention_heads": 16,
    "attention_head_dim": 72,
    "num_layers": 28,
    "cross_attention_dim": 1152,
    "caption_channels": 4096,
}


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


@pytest.fixture
def pixart_networks(fixture, recorded_time):
    config = fixture.config
    transformer = build(PixArtTransformer2DModel, config["transformer"])
    add_lora(transformer, config["lora"]["targets"], config["lora"]["r"])
    transformer.load_state_dict(fixture.weights("weights_transformer_lora.safetensors"))
    weights = fixture.weights("weights_colorguider.safetensors")
    return transformer, pixart_guider_from_published(weights, config["colorguider"])


def forward_inputs(fixture, case, *names):
    return [fixture.arrays[f"{case}.{name}"] for name in names]


def test_pixart_guider_and_transformer_agree(fixture, pixart_networks):
    transformer, guider = pixart_networks
    for case in fixture.cases("fwd"):
        x, t, cond = forward_inputs(fixture, case, "x", "t", "cond")
        sizes = {name: fixture.arrays.get(f"{case}.{name}") for name in ("resolution", "aspect_ratio")}
        residuals = guider(x, t, cond, sizes)
        assert len(residuals) == fixture.config["detail"]["n_control"]
        for index, residual in enumerate(residuals):
            fixture.check(f"{case}.control.{index}", residual, f"{case}.control.{index}")

        def predict(dtype, added, case=case, sizes=sizes):
            inputs = forward_inputs(fixture, case, "x", "t", "text", "text_mask")
            x, text, mask = (inputs[index].to(dtype) for index in (0, 2, 3))
            told = {name: None if size is None else size.to(dtype) for name, size in sizes.items()}
            with guided(transformer, [part.to(dtype) for part in added]):
                return [
                    transformer(
                        x,
                        encoder_hidden_states=text,
                        encoder_attention_mask=mask,
                        timestep=inputs[1],
                        added_cond_kwargs=told,
                    ).sample
                ]

        for name, added in (("out", residuals), ("out_without_control", ())):
            fixture.check_run([f"{case}.{name}"], [transformer], partial(predict, added=added))
        bare = f"{case}.out_without_control_without_lora"
        with without_lora(transformer):
            fixture.check_run([bare], [transformer], partial(predict, added=()))


def test_schedule_has_the_published_times(fixture):
    scheduler = pixart_scheduler()
    for case in fixture.cases("dpm"):
        scheduler.set_timesteps(int(case.removeprefix("dpm")))
        fixture.check(f"{case}.timesteps", scheduler.timesteps, f"{case}.timesteps", 0)
        fixture.check(f"{case}.sigmas", scheduler.sigmas, f"{case}.sigmas")


def test_pixart_pipeline_agrees_given_the_recorded_draws(fixture, pixart_networks):
    vae = load_vae(fixture)
    for case, run in finished_pipelines(fixture):
        names = ("prompt_embeds", "negative_prompt_embeds", "prompt_mask", "negative_mask")
        prompts = Prompts.of(*(fixture.arrays[f"{case}.{name}"][0] for name in names))
        pipeline = ColorFlowPixArtPipeline(*pixart_networks, vae, pixart_scheduler(), prompts)
        canvas = fixture.arrays[f"{case}.cond_image"].numpy()
        condition = guider_condition(vae, canvas, fixture.arrays[f"{case}.vae_noise"])
        recorded = fixture.arrays[f"{case}.guider_input0"]
        fixture.check(f"{case}.condition", condition, recorded[:, -condition.shape[1] :])
        told = pixart_networks[0].use_additional_conditions
        sizes = canvas_sizes(recorded, canvas.shape[0] // recorded.shape[-2], told=told)
        for name in sizes if told else ():
            fixture.check(f"{case}.{name}", sizes[name], f"{case}.{name}", 1e-6)
        check_steps(fixture, case, run, pipeline, condition, "transformer_out")
        check_denoising(fixture, case, run, pipeline, condition)


def test_full_size_file_is_accounted_for(fixture):
    with torch.device("meta"):
        guider = PixArtGuider()
    listed = {key: value[0] for key, value in fixture.keys().items()}
    aliases = {key for key in listed if key.startswith(PIXART_ALIAS)}
    assert len(aliases) == 2
    assert shapes(guider) == {key: value for key, value in listed.items() if key not in aliases}


def test_full_size_lora_has_the_published_tensors(fixture):
    with torch.device("meta"):
        transformer = PixArtTransformer2DModel(**{**fixture.config["transformer"], **FULL_PIXART})
        add_lora(transformer, PIXART_TARGETS, 128)
    adapters = {key: value for key, value in shapes(transformer).items() if ".lora_" in key}
    listed = fixture.keys("full_keys_transformer_lora.json")
    assert adapters == {key: value[0] for key, value in listed.items()}
    assert len(adapters) == 582
