"""The layouts FLUX.2 klein comes in: every key accounted for, files used in place, broken ones told of."""

import json

import numpy as np
import pytest
import tiny_flux2_klein
import torch
from colorizer.catalogue import entries
from colorizer.catalogue.convert import Choices, convert, recognise
from colorizer.catalogue.entries import Kind
from colorizer.catalogue.store import Store
from colorizer.engines.cards import cards
from colorizer.engines.flux2_klein import checkpoint_keys, files, model
from colorizer.engines.flux2_klein.checkpoint_keys import Network
from colorizer.errors import MissingModel, UnusableModel
from diffusers import AutoencoderKLFlux2, Flux2Transformer2DModel
from diffusers.loaders.single_file_utils import convert_flux2_transformer_checkpoint_to_diffusers
from safetensors.torch import load_file, save_file
from transformers import Qwen3Config, Qwen3ForCausalLM

PUBLISHED = {
    "in_channels": 128,
    "num_layers": 5,
    "num_single_layers": 20,
    "attention_head_dim": 128,
    "num_attention_heads": 24,
    "joint_attention_dim": 7680,
    "mlp_ratio": 3.0,
    "axes_dims_rope": [32] * 4,
    "guidance_embeds": False,
}
QWEN3_4B = {
    "vocab_size": 151936,
    "hidden_size": 2560,
    "intermediate_size": 9728,
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "tie_word_embeddings": True,
}


@pytest.fixture(scope="module")
def pipeline():
    return tiny_flux2_klein.make()


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("COLORIZE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def comfy(tmp_path, pipeline):
    return tiny_flux2_klein.comfy(tmp_path / "ComfyUI" / "models", pipeline)


def shapes(state):
    return {key: tuple(value.shape) for key, value in state.items()}


def add(path, name="mine", *, choices=None):
    return Store(entries.load()).convert(path, name, choices or Choices(), lambda *_: None)


def same(one, other):
    ours, theirs = one.state_dict(), other.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_the_published_transformers_keys_are_all_accounted_for():
    with torch.device("meta"):
        network = Flux2Transformer2DModel(**PUBLISHED)
    state = tiny_flux2_klein.published(network)
    assert len(state) == 9 + 5 * 12 + 20 * 4
    assert 7.7e9 < sum(2 * value.numel() for value in state.values()) < 7.8e9  # as published in bfloat16
    with_prefix = {checkpoint_keys.COMFY_PREFIX + key: value for key, value in state.items()}
    assert checkpoint_keys.recognise(with_prefix) is Network.TRANSFORMER
    config = checkpoint_keys.transformer_config(shapes(with_prefix))
    assert {key: config[key] for key in PUBLISHED} == PUBLISHED
    converted = convert_flux2_transformer_checkpoint_to_diffusers(dict(state))
    checkpoint_keys.check_keys(shapes(network.state_dict()), shapes(converted), "file")


def test_the_published_text_encoders_and_vaes_sizes_are_read_from_their_shapes():
    with torch.device("meta"):
        encoder = Qwen3ForCausalLM(Qwen3Config(**QWEN3_4B))
        vae = AutoencoderKLFlux2()
    text = {key: value for key, value in shapes(encoder.state_dict()).items() if key != "lm_head.weight"}
    assert checkpoint_keys.recognise(text) is Network.TEXT_ENCODER
    config = checkpoint_keys.text_encoder_config(text)
    assert {key: config[key] for key in QWEN3_4B} == QWEN3_4B
    published = shapes(tiny_flux2_klein.published_vae(vae))
    assert checkpoint_keys.recognise(published) is Network.VAE
    read = checkpoint_keys.vae_config(published)
    assert {key: read[key] for key in ("block_out_channels", "layers_per_block", "latent_channels")} == {
        "block_out_channels": [128, 256, 512, 512],
        "layers_per_block": 2,
        "latent_channels": 32,
    }
    with torch.device("meta"):
        same_keys = AutoencoderKLFlux2.from_config(read)
    assert shapes(same_keys.state_dict()) == shapes(vae.state_dict())


def test_comfyuis_files_are_used_where_they_are(home, comfy, pipeline):
    folder = add(comfy)
    assert {path.name for path in folder.iterdir()} == {"card.json", files.POINTER}
    ((_, card),) = cards(home / "models")
    assert (card.engine, card.licence) == ("flux2_klein", "Apache 2.0")
    found = files.read(folder)
    assert found.transformer == comfy
    assert found.distilled
    read = model.read(folder)
    same(read.pipeline.transformer, pipeline.transformer)
    same(read.pipeline.vae, pipeline.vae)
    same(model.read_text_encoder(found.text_encoder), pipeline.text_encoder)
    by_file = read.instructions.embed(["blue"], lambda: None)[0]
    assert torch.equal(by_file, pipeline.encode_prompt("blue")[0])


def test_a_folder_of_comfyuis_is_enough_and_base_is_told_by_the_name(home, tmp_path, pipeline):
    tiny_flux2_klein.comfy(tmp_path / "models", pipeline, "flux-2-klein-base-4b.safetensors")
    assert not files.read(add(tmp_path)).distilled


def test_a_pipelines_folder_is_used_where_it_is(home, tmp_path, pipeline):
    pipeline.save_pretrained(tmp_path / "klein")
    found = files.read(add(tmp_path / "klein"))
    assert found.transformer == tmp_path / "klein" / "transformer"
    assert found.distilled


def test_a_downloaded_file_moves_in_and_takes_the_rest_from_an_installed_model(home, tmp_path, pipeline):
    for part in ("text_encoder", "tokenizer", "vae"):
        getattr(pipeline, part).save_pretrained(home / "downloads" / "parts" / part)
    (home / "models").mkdir()
    add(home / "downloads" / "parts", "parts", choices=Choices(variant="flux2_klein_parts"))
    dropped = home / "downloads" / "klein.safetensors"
    save_file(tiny_flux2_klein.published(pipeline.transformer), dropped)
    folder = add(dropped)
    assert not dropped.exists()
    assert files.read(folder).transformer == folder / "transformer.safetensors"
    same(model.read(folder).pipeline.transformer, pipeline.transformer)


def test_what_is_missing_beside_a_transformer_is_named(home, tmp_path, comfy):
    alone = tmp_path / "elsewhere" / "diffusion_models" / comfy.name
    alone.parent.mkdir(parents=True)
    comfy.rename(alone)
    with pytest.raises(UnusableModel, match="these are missing: text encoder, vae, tokenizer"):
        add(alone)
    assert cards(home / "models") == []


def test_a_file_that_went_away_is_told_of(home, comfy):
    folder = add(comfy)
    comfy.rename(comfy.with_name("other.safetensors"))
    with pytest.raises(MissingModel, match="The transformer of the model mine is missing"):
        files.read(folder)
    assert files.steps(folder) == 4


def test_fp8_becomes_bfloat16_with_its_scales(tmp_path, pipeline):
    state = tiny_flux2_klein.published(pipeline.transformer)
    key = "single_blocks.0.linear1.weight"
    scale = state[key].abs().max() / 448
    packed = {**state, key: (state[key] / scale).to(torch.float8_e4m3fn)}
    packed |= {
        "single_blocks.0.linear1.weight_scale": scale,
        "single_blocks.0.linear1.input_scale": scale.clone(),
    }
    save_file(packed, tmp_path / "fp8.safetensors")
    network = model.read_transformer(tmp_path / "fp8.safetensors")
    weight = network.single_transformer_blocks[0].attn.to_qkv_mlp_proj.weight.float()
    assert (weight - state[key]).abs().max() < 0.07 * state[key].abs().max()


def test_gguf_is_read_by_the_librarys_own_loader(tmp_path, pipeline):
    gguf = pytest.importorskip("gguf", reason="reading GGUF needs the package gguf")
    file = tmp_path / "klein.gguf"
    writer = gguf.GGUFWriter(file, "flux")
    for key, value in tiny_flux2_klein.published(pipeline.transformer).items():
        quantised = value.shape[-1] % 32 == 0 and value.ndim == 2
        kind = gguf.GGMLQuantizationType.Q8_0 if quantised else gguf.GGMLQuantizationType.F32
        writer.add_tensor(key, gguf.quants.quantize(value.numpy().astype(np.float32), kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert recognise(file) is Kind.FLUX2_KLEIN
    network = model.read_transformer(file)
    tokens = torch.randn(1, 4, 16, generator=torch.Generator().manual_seed(0))
    inputs = {
        "hidden_states": tokens.bfloat16(),
        "encoder_hidden_states": torch.ones(1, 2, 48).bfloat16(),
        "timestep": torch.tensor([0.5]).bfloat16(),
        "img_ids": torch.zeros(1, 4, 4),
        "txt_ids": torch.zeros(1, 2, 4),
        "return_dict": False,
    }
    with torch.no_grad():
        quantised = network(**inputs)[0].float()
        exact = pipeline.transformer(
            **{k: v.float() if torch.is_tensor(v) else v for k, v in inputs.items()}
        )[0]
    assert (quantised - exact).abs().mean() < 0.05 * exact.abs().mean()
    file.write_bytes(file.read_bytes()[:400])
    with pytest.raises(UnusableModel, match="GGUF file: it is damaged"):
        recognise(file)


def broken(state):
    state = dict(state)
    yield (
        "1 missing, the first is `transformer_blocks.0.attn.to_add_out.weight`",
        {key: value for key, value in state.items() if key != "double_blocks.0.txt_attn.proj.weight"},
    )
    yield (
        "1 of another size",
        {**state, "img_in.weight": torch.zeros(32, 16), "txt_in.weight": torch.zeros(31, 48)},
    )
    yield "packed in four bits", {**state, "img_in.weight_scale_2": torch.ones(1)}


@pytest.mark.parametrize("number", range(3))
def test_a_wrong_transformer_gets_a_sentence(tmp_path, pipeline, number):
    sentence, state = list(broken(tiny_flux2_klein.published(pipeline.transformer)))[number]
    save_file(state, tmp_path / "wrong.safetensors")
    with pytest.raises(UnusableModel, match=sentence):
        model.read_transformer(tmp_path / "wrong.safetensors")


def test_a_damaged_model_is_told_of(home, comfy):
    folder = add(comfy)
    comfy.write_bytes(comfy.read_bytes()[:5000])
    with pytest.raises(UnusableModel, match=r"flux-2-klein-4b.safetensors can't be read as a model"):
        model.read(folder)


def test_a_part_alone_is_sent_to_its_transformer(comfy):
    part = comfy.parents[1] / "vae" / "flux2-vae.safetensors"
    with pytest.raises(UnusableModel, match="finds in ComfyUI's folders"):
        recognise(part)


def lora_state(pipeline, *, kohya=False):
    made = {}
    for block in ("double_blocks.0.img_attn.proj", "single_blocks.0.linear2"):
        weight = tiny_flux2_klein.published(pipeline.transformer)[f"{block}.weight"]
        made[f"diffusion_model.{block}.lora_A.weight"] = torch.randn(2, weight.shape[1]) * 0.1
        made[f"diffusion_model.{block}.lora_B.weight"] = torch.randn(weight.shape[0], 2) * 0.1
    return made


def test_a_lora_is_installed_with_its_licence_and_changes_the_weights_effect(home, tmp_path, pipeline):
    from colorizer.engines.flux2_klein import lora
    from colorizer.engines.models import Installed

    save_file(lora_state(pipeline), tmp_path / "sheet.safetensors", metadata={"modelspec.license": "CC0"})
    assert recognise(tmp_path / "sheet.safetensors") is Kind.FLUX2_KLEIN_LORA
    folder = add(tmp_path / "sheet.safetensors", "sheet")
    assert json.loads((folder / "card.json").read_text())["licence"] == "CC0"
    assert load_file(folder / files.LORA_FILE).keys() == lora_state(pipeline).keys()
    pipeline.save_pretrained(tmp_path / "klein")
    read = model.read(add(tmp_path / "klein", "klein"))
    assert lora.use(read, lora.find(Installed(files.LORA_ENGINE, "LoRA"), "sheet"), 1.5)
    assert read.pipeline.get_list_adapters() == {"transformer": ["artist"]}


def test_a_lora_of_another_model_gets_a_sentence(home, tmp_path, pipeline):
    from colorizer.engines.flux2_klein import lora

    state = {
        "diffusion_model.double_blocks.7.img_attn.proj.lora_A.weight": torch.zeros(2, 99),
        "diffusion_model.double_blocks.7.img_attn.proj.lora_B.weight": torch.zeros(99, 2),
    }
    (tmp_path / "other").mkdir()
    save_file(state, tmp_path / "other" / files.LORA_FILE)
    pipeline.save_pretrained(tmp_path / "klein")
    read = model.read(tmp_path / "klein")
    with pytest.raises(UnusableModel, match="The LoRA other doesn't fit this model"):
        lora.use(read, tmp_path / "other" / files.LORA_FILE, 1)
    assert read.lora is None


def test_the_catalogue_says_what_may_be_done_with_it():
    listed = {entry.name: entry for entry in entries.load().entries if entry.name.startswith("flux2")}
    assert set(listed) == {"flux2-klein-4b", "flux2-klein-base-4b", "flux2-klein-parts"}
    assert all(entry.licence.commercial and "Not verified by us" in entry.words for entry in listed.values())
    assert 15.9e9 < listed["flux2-klein-4b"].bytes < 16.1e9


def test_nothing_else_is_taken_for_it(tmp_path):
    save_file(
        {"transformer_blocks.0.attn1.to_q.lora_A.default.weight": torch.zeros(2, 2)},
        tmp_path / "a.safetensors",
    )
    with pytest.raises(UnusableModel, match="ColorFlow"):
        convert(tmp_path / "a.safetensors", tmp_path / "out", Choices(), lambda *_: None)
