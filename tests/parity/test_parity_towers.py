"""CLIP's towers and the VAE, from the published layout into transformers' and diffusers' classes."""

import published
import pytest
import torch
from colorizer.engines.colorize_diffusion.checkpoint_keys import Component
from colorizer.engines.colorize_diffusion.image_tokens import ImageTokens, clip_input, text_vectors
from colorizer.engines.colorize_diffusion.manipulation import projection
from published import Arrays

SYSTEMS = ("cd_clip", "cd_vae")


@pytest.fixture
def arrays(folder):
    return Arrays(folder / "cases.npz")


@pytest.fixture
def towers(folder):
    config = published.config_of(folder)
    weights = published.load_weights(folder / "weights.safetensors", "cond_stage_model.")
    text = config["text_cfg"]
    heads = {
        Component.IMAGE_ENCODER: config["vision_cfg"]["head_width"],
        Component.TEXT_ENCODER: text["width"] // text["heads"],
    }
    return published.build_networks(weights, clip_head_dims=heads)


@published.needs("img0.x")
@torch.no_grad()
def test_image_tokens(folder, arrays, towers, agree):
    tokens = ImageTokens(towers[Component.IMAGE_ENCODER])
    for name in arrays.numbered("img", ".x"):
        recorded = arrays.of(name.split(".")[0])
        corner = recorded["preprocessed_corner"]
        pixels = clip_input(recorded["x"], published.config_of(folder)["vision_cfg"]["image_size"])
        agree(pixels[..., : corner.shape[-2], : corner.shape[-1]], corner, 1e-6, "input")
        spread = torch.stack([pixels.mean(dim=(2, 3)), pixels.std(dim=(2, 3))])
        agree(spread, recorded["preprocessed_mean_std"], name="input's mean and deviation")
        full = tokens(recorded["x"])
        assert full.shape[1] == tokens.count
        agree(full, recorded["full"], name="full")
        agree(full[:, 1:], recorded["local"], name="local")
        agree(full[:, :1], recorded["cls"], name="cls")


@published.needs("img0.x")
@torch.no_grad()
def test_inside_the_image_tower(folder, arrays, towers, agree):
    """Tokens before the projection, and of the last but one layer."""
    tower = towers[Component.IMAGE_ENCODER]
    for name in arrays.numbered("img", ".x"):
        recorded = arrays.of(name.split(".")[0])
        pixels = clip_input(recorded["x"], tower.config.image_size)
        states = tower.vision_model(pixels, output_hidden_states=True).hidden_states
        norm, project = tower.vision_model.post_layernorm, tower.visual_projection
        agree(states[-1], recorded["full_no_projection"], name="no norm, no projection")
        for layer in recorded.numbered("full_layer_idx"):
            skipped = int(layer.removeprefix("full_layer_idx"))
            agree(project(norm(states[-1 - skipped])), recorded[layer], name=layer)


@published.needs("scale")
@torch.no_grad()
def test_larger_pictures_interpolate_positions(folder, arrays, towers, agree):
    tower = towers[Component.IMAGE_ENCODER]
    for name in sorted(name for name in arrays.names if name.startswith("scale") and name.endswith(".x")):
        recorded = arrays.of(name.removesuffix(".x"))
        grid = round(recorded["local"].shape[1] ** 0.5)
        pixels = clip_input(recorded["x"], grid * tower.config.patch_size)
        hidden = tower.vision_model(pixels, interpolate_pos_encoding=True).last_hidden_state
        tokens = tower.visual_projection(tower.vision_model.post_layernorm(hidden))
        agree(tokens[:, 1:], recorded["local"], name=name)
        embeddings = tower.vision_model.embeddings
        positions = embeddings.interpolate_pos_encoding(hidden, *pixels.shape[-2:])
        agree(positions[0], recorded["pos"], name="positions")


@published.needs("text.tokens")
@torch.no_grad()
def test_text_vectors(folder, arrays, towers, agree):
    encoder = towers[Component.TEXT_ENCODER]
    agree(text_vectors(encoder, arrays["text.tokens"]), arrays["text.normalized"])
    hidden = encoder(input_ids=arrays["text.tokens"], output_hidden_states=True).hidden_states[-2]
    normed = encoder.text_model.final_layer_norm(hidden)
    agree(normed, arrays["text.no_projection"], name="no projection")
    agree(encoder.text_projection(normed), arrays["text.raw"], name="raw")


@published.needs("calculate_scale.v")
def test_projection_on_text(folder, arrays, agree):
    recorded = arrays.of("calculate_scale")
    agree(projection(recorded["v"], recorded["t"]), recorded["out"])


@published.needs("vae0.x")
@torch.no_grad()
def test_vae(folder, arrays, agree):
    weights = published.load_weights(folder / "weights.safetensors", "first_stage_model.")
    vae = published.build_networks(weights)[Component.VAE]
    scale = vae.config.scaling_factor
    for name in arrays.numbered("vae", ".x"):
        recorded = arrays.of(name.split(".")[0])
        posterior = vae.encode(recorded["x"]).latent_dist
        agree(posterior.mean, recorded["mean"], name="mean")
        agree(posterior.logvar, recorded["logvar"], name="logvar")
        sample = posterior.mean + posterior.std * recorded["noise"]
        agree(sample, recorded["sample"], name="sample")
        agree(sample * scale, recorded["sample_scaled"], name="scaled")
        agree(vae.decode(recorded["z"]).sample, recorded["decoded"], name="decoded")
        agree(vae.decode(recorded["z"] / scale).sample, recorded["decoded_of_scaled"], name="of scaled")
