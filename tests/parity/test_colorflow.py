"""ColorFlow against the published program: guiders, main networks with LoRA, schedules, pipelines."""

import inspect

import pytest
import torch
from colorizer.engines.colorflow import pixart_guider, sd_guider
from colorizer.engines.colorflow.condition import guider_condition
from colorizer.engines.colorflow.in_context import Guidance
from colorizer.engines.colorflow.lora import PIXART_TARGETS, SD_TARGETS, add_lora
from colorizer.engines.colorflow.pixart_pipeline import ColorFlowPixArtPipeline, pixart_scheduler
from colorizer.engines.colorflow.prompts import Prompts
from colorizer.engines.colorflow.published import pixart_guider_from_published, sd_guider_from_published
from colorizer.engines.colorflow.sd_pipeline import ColorFlowSDPipeline, sd_scheduler
from diffusers import AutoencoderKL, PixArtTransformer2DModel, UNet2DConditionModel

FORWARD = 2e-5
SAMPLING = 1e-4
GUESS_DECADES = (-1, 0)


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def build(kind, config):
    known = inspect.signature(kind.__init__).parameters
    return kind(**{name: value for name, value in config.items() if name in known}).eval()


def load_vae(fixture):
    vae = build(AutoencoderKL, fixture.config["vae"])
    vae.load_state_dict(fixture.weights(fixture.config["vae_weights"]))
    return vae


def finished_pipelines(fixture):
    """Names and settings of the published pipeline runs that didn't fail."""
    runs = {name: run for name, run in fixture.config["detail"].items() if name.startswith("pipe.")}
    return [(name, run) for name, run in runs.items() if "ERROR" not in run]


def guidance_of(run, published):
    return Guidance(
        prompt=run.get("guidance_scale", published.prompt),
        guider=run.get("colorguider_conditioning_scale", 1.0),
        guider_start=run.get("control_guidance_start", 0.0),
        guider_end=run.get("control_guidance_end", 1.0),
    )


def in_both_precisions(networks, compute):
    """What `compute(dtype)` gives in double precision, and how far single precision is from it."""
    single = compute(torch.float32)
    for network in networks:
        network.double()
    double = compute(torch.float64)
    for network in networks:
        network.float()
    return double, float((single.double() - double).abs().max())


@pytest.fixture(scope="module")
def sd_networks(colorflow_sd):
    config = colorflow_sd.config
    unet = build(UNet2DConditionModel, config["unet"])
    add_lora(unet, config["lora"]["targets"], config["lora"]["r"])
    unet.load_state_dict(colorflow_sd.weights("weights_unet_lora.safetensors"))
    weights = colorflow_sd.weights("weights_colorguider.safetensors")
    return unet, sd_guider_from_published(weights, config["colorguider"])


@pytest.fixture(scope="module")
def pixart_networks(colorflow_pixart):
    config = colorflow_pixart.config
    transformer = build(PixArtTransformer2DModel, config["transformer"])
    add_lora(transformer, config["lora"]["targets"], config["lora"]["r"])
    transformer.load_state_dict(colorflow_pixart.weights("weights_transformer_lora.safetensors"))
    weights = colorflow_pixart.weights("weights_colorguider.safetensors")
    return transformer, pixart_guider_from_published(weights, config["colorguider"])


def forward_inputs(fixture, case, *names):
    return [fixture.arrays[f"{case}.{name}"] for name in names]


def test_sd_guider_leaves_the_published_residuals(colorflow_sd, sd_networks):
    _, guider = sd_networks
    for case in colorflow_sd.cases("fwd"):
        if "guider5" in case:
            continue
        residuals = guider(*forward_inputs(colorflow_sd, case, "x", "t", "cond"))
        places = {f"down.{index}": part for index, part in enumerate(residuals.down)} | {"mid": residuals.mid}
        places |= {f"up.{index}": part for index, part in enumerate(residuals.up)}
        spread = torch.logspace(*GUESS_DECADES, len(places))
        for (place, part), share in zip(places.items(), spread, strict=True):
            for name, factor in (("s1", 1.0), ("s05", 0.5), ("guess", float(share))):
                if f"{case}.{name}.{place}" in colorflow_sd.arrays:
                    colorflow_sd.check(
                        f"{case}.{name}.{place}", part * factor, f"{case}.{name}.{place}", FORWARD
                    )


def test_sd_guider_takes_an_undivided_condition(colorflow_sd, sd_networks):
    config = {**colorflow_sd.config["colorguider"], "conditioning_channels": 5}
    weights = colorflow_sd.weights("weights_colorguider.safetensors")
    guider = sd_guider_from_published(
        weights | {"conv_in_condition.weight": colorflow_sd.arrays["guider5.conv_in_condition.weight"]},
        config,
    )
    residuals = guider(*forward_inputs(colorflow_sd, "fwd_guider5", "x", "t", "cond"))
    for name, part in (("down0", residuals.down[0]), ("mid", residuals.mid), ("up14", residuals.up[-1])):
        colorflow_sd.check(f"fwd_guider5.{name}", part, f"fwd_guider5.{name}", FORWARD)


def test_sd_network_takes_the_residuals_where_published(colorflow_sd, sd_networks):
    unet, guider = sd_networks
    for case in colorflow_sd.cases("fwd"):
        if "guider5" in case:
            continue
        for name, factor in (("s1", 1.0), ("s05", 0.5), (None, 0.0)):

            def predict(dtype, case=case, factor=factor):
                x, cond, text = (
                    part.to(dtype) for part in forward_inputs(colorflow_sd, case, "x", "cond", "text")
                )
                t = colorflow_sd.arrays[f"{case}.t"]
                with sd_guider.guided(unet, guider(x, t, cond).scaled(factor)):
                    return unet(x, t, text).sample

            got, rounding = in_both_precisions(sd_networks, predict)
            want = f"{case}.{name}.noise_pred" if name else f"{case}.noise_pred_without_guider"
            colorflow_sd.check(want, got, want, FORWARD, rounding)


def test_schedules_have_the_published_times(colorflow_sd, colorflow_pixart):
    for fixture, prefix, make in (
        (colorflow_sd, "unipc", sd_scheduler),
        (colorflow_pixart, "dpm", pixart_scheduler),
    ):
        scheduler = make()
        for case in fixture.cases(prefix):
            scheduler.set_timesteps(int(case.removeprefix(prefix)))
            fixture.check(f"{case}.timesteps", scheduler.timesteps, f"{case}.timesteps", 0)
            fixture.check(f"{case}.sigmas", scheduler.sigmas, f"{case}.sigmas", 1e-6)


def test_sd_pipeline_agrees_given_the_recorded_draws(colorflow_sd, sd_networks):
    vae = load_vae(colorflow_sd)
    for case, run in finished_pipelines(colorflow_sd):
        array = {name: colorflow_sd.arrays.get(f"{case}.{name}") for name in ("latents", "vae_noise")}
        prompts = Prompts.of(
            colorflow_sd.arrays[f"{case}.prompt_embeds"][0],
            colorflow_sd.arrays[f"{case}.negative_prompt_embeds"][0],
        )
        pipeline = ColorFlowSDPipeline(*sd_networks, vae, sd_scheduler(), prompts)
        canvas = colorflow_sd.arrays[f"{case}.cond_image"].numpy()

        condition = guider_condition(vae, canvas, array["vae_noise"])
        colorflow_sd.check(f"{case}.condition", condition, f"{case}.conditioning_latents", FORWARD)
        check_denoising(colorflow_sd, case, run, pipeline, condition)
        decoded = pipeline.decode(colorflow_sd.arrays[f"{case}.out_latent"])
        colorflow_sd.check(f"{case}.decoded", decoded, f"{case}.decoded", FORWARD)


def check_denoising(fixture, case, run, pipeline, condition):
    networks = [part for part in pipeline.components.values() if isinstance(part, torch.nn.Module)]

    def denoise(dtype):
        return pipeline.denoise(
            fixture.arrays[f"{case}.latents"].to(dtype),
            condition.to(dtype),
            steps=run["num_inference_steps"],
            guidance=guidance_of(run, pipeline.published_guidance),
        )

    got, rounding = in_both_precisions(networks, denoise)
    assert pipeline.scheduler.timesteps.tolist() == fixture.arrays[f"{case}.timesteps"].tolist()
    fixture.check(f"{case}.out_latent", got, f"{case}.out_latent", SAMPLING, rounding)


def test_pixart_guider_and_transformer_agree(colorflow_pixart, pixart_networks):
    transformer, guider = pixart_networks
    for case in colorflow_pixart.cases("fwd"):
        x, t, cond, text, mask, resolution, aspect = forward_inputs(
            colorflow_pixart, case, "x", "t", "cond", "text", "text_mask", "resolution", "aspect_ratio"
        )
        sizes = {"resolution": resolution, "aspect_ratio": aspect}
        residuals = guider(x, t, cond, sizes)
        assert len(residuals) == colorflow_pixart.config["detail"]["n_control"]
        for index, residual in enumerate(residuals):
            colorflow_pixart.check(f"{case}.control.{index}", residual, f"{case}.control.{index}", FORWARD)
        for name, added in (("out", residuals), ("out_without_control", ())):
            with pixart_guider.guided(transformer, added):
                got = transformer(
                    x,
                    encoder_hidden_states=text,
                    encoder_attention_mask=mask,
                    timestep=t,
                    added_cond_kwargs=sizes,
                ).sample
            colorflow_pixart.check(f"{case}.{name}", got, f"{case}.{name}", FORWARD)


def test_pixart_pipeline_agrees_given_the_recorded_draws(colorflow_pixart, pixart_networks):
    vae = load_vae(colorflow_pixart)
    for case, run in finished_pipelines(colorflow_pixart):
        names = ("prompt_embeds", "negative_prompt_embeds", "prompt_mask", "negative_mask")
        prompts = Prompts.of(*(colorflow_pixart.arrays[f"{case}.{name}"][0] for name in names))
        pipeline = ColorFlowPixArtPipeline(*pixart_networks, vae, pixart_scheduler(), prompts)
        canvas = colorflow_pixart.arrays[f"{case}.cond_image"].numpy()
        condition = guider_condition(vae, canvas, colorflow_pixart.arrays[f"{case}.vae_noise"])
        recorded = colorflow_pixart.arrays[f"{case}.guider_input0"]
        colorflow_pixart.check(f"{case}.condition", condition, recorded[:, -condition.shape[1] :], FORWARD)
        sizes = pixart_guider.canvas_sizes(recorded, canvas.shape[0] // recorded.shape[-2], told=True)
        for name, values in sizes.items():
            colorflow_pixart.check(f"{case}.{name}", values, f"{case}.{name}", 1e-6)
        check_denoising(colorflow_pixart, case, run, pipeline, condition)


def shapes(network):
    return {key: list(value.shape) for key, value in network.state_dict().items()}


def test_full_size_files_are_accounted_for(colorflow_sd, colorflow_pixart):
    with torch.device("meta"):
        sd, pixart = sd_guider.SDGuider(), pixart_guider.PixArtGuider()
    assert shapes(sd) == {key: value[0] for key, value in colorflow_sd.keys().items()}
    aliases = {"after_proj.weight", "after_proj.bias"}
    listed = {key: value[0] for key, value in colorflow_pixart.keys().items()}
    assert shapes(pixart) == {key: value for key, value in listed.items() if key not in aliases}
    assert aliases <= set(listed)


def test_full_size_lora_has_the_published_tensors(colorflow_sd, colorflow_pixart):
    with torch.device("meta"):
        unet = UNet2DConditionModel(cross_attention_dim=768)
        transformer = PixArtTransformer2DModel(**{**colorflow_pixart.config["transformer"], **FULL_PIXART})
        add_lora(unet, SD_TARGETS, 64)
        add_lora(transformer, PIXART_TARGETS, 128)
    for fixture, network, name, count in (
        (colorflow_sd, unet, "full_keys_unet_lora.json", 320),
        (colorflow_pixart, transformer, "full_keys_transformer_lora.json", 582),
    ):
        adapters = {key: value for key, value in shapes(network).items() if ".lora_" in key}
        assert adapters == {key: value[0] for key, value in fixture.keys(name).items()}
        assert len(adapters) == count


FULL_PIXART = {
    "num_attention_heads": 16,
    "attention_head_dim": 72,
    "num_layers": 28,
    "cross_attention_dim": 1152,
    "caption_channels": 4096,
}
