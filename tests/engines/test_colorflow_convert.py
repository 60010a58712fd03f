"""Published ColorFlow files to model folders: nothing lost, nothing left over, nothing half written."""

import json

import numpy as np
import pytest
import tiny_colorflow
import torch
from colorizer.engines.colorflow.convert import _DECODER, _GENERATOR, Sources, Variant, convert
from colorizer.engines.colorflow.lora import PIXART_TARGETS, SD_TARGETS, add_lora
from colorizer.engines.colorflow.model import ColorFlowModel
from colorizer.engines.colorflow.screenstyle import ScreenStyle
from colorizer.engines.detectors.manga_lines import LineExtractor
from colorizer.errors import UnusableModel

TINY_RANK = 2


def lora_of(network, targets):
    """The tensors of a random adapter; the network itself is left alone."""
    copied = type(network).from_config(network.config)
    add_lora(copied, targets, TINY_RANK)
    adapters = {key: value for key, value in copied.state_dict().items() if ".lora_" in key}
    generator = torch.Generator().manual_seed(0)
    return {key: 0.1 * torch.randn(value.shape, generator=generator) for key, value in adapters.items()}


def as_spectral(state):
    """A generator's weights with spectral norms apart, as published, and a noise block that never runs."""
    split = {"model.noiseblock.weight": torch.zeros(1)}
    for key, value in state.items():
        if not key.endswith("weight") or value.shape[-1] != 3:
            split[key] = value
            continue
        flat = value.flatten(1)
        left, right = torch.ones(flat.shape[0]), torch.ones(flat.shape[1])
        right /= left @ flat @ right
        split |= {f"{key}_orig": 3 * value, f"{key}_u": left, f"{key}_v": right}
    return split


def published(folder, model, variant):
    """A download of the published repository and its base model, made of a tiny model's weights."""
    own = folder / "colorflow" / variant.value
    own.mkdir(parents=True)
    pipeline = model.colouring
    torch.save(model.fusion.state_dict(), own / "MultiResNetModel.bin")
    torch.save(published_guider(pipeline.guider), own / "diffusion_pytorch_model.bin")
    (own / "config.json").write_text(json.dumps(dict(pipeline.guider.config)))
    model.tower.network.save_pretrained(folder / "colorflow/image_encoder")
    pipeline.vae.save_pretrained(folder / "base/vae")
    for name, targets in (("unet", SD_TARGETS), ("transformer", PIXART_TARGETS)):
        if name in pipeline.components:
            network = pipeline.components[name]
            network.save_pretrained(folder / "base" / name)
            torch.save(lora_of(network, targets), own / f"{name}_lora.bin")
    return Sources(folder / "colorflow", folder / "base")


def published_guider(guider):
    state = dict(guider.state_dict())
    adapters = sorted(key for key in state if key.startswith("adapter_linear"))
    aliases = {f"after_proj.{key.rsplit('.', 1)[1]}": state[key] for key in adapters[-2:]}
    return state | aliases


@pytest.fixture(scope="module")
def sketch(tmp_path_factory):
    model = tiny_colorflow.make_pixart()
    folder = tmp_path_factory.mktemp("download")
    sources = published(folder, model, Variant.SKETCH)
    (sources.published / "LE").mkdir()
    torch.save(LineExtractor().state_dict(), sources.published / "LE/erika.pth")
    return model, sources


def test_sketch_model_has_lora_folded_in(sketch, tmp_path):
    model, sources = sketch
    convert(sources, Variant.SKETCH, tmp_path / "sketch", model.colouring.prompts)
    converted = ColorFlowModel.load(tmp_path / "sketch")
    assert converted.line_extractor is not None
    before = model.colouring.transformer.state_dict()
    after = converted.colouring.transformer.state_dict()
    assert after.keys() == before.keys()
    lora = torch.load(sources.published / "sketch/transformer_lora.bin", weights_only=True)
    layer = "transformer_blocks.0.attn1.to_q"
    down, up = (lora[f"{layer}.lora_{side}.default.weight"] for side in "AB")
    torch.testing.assert_close(after[f"{layer}.weight"], before[f"{layer}.weight"] + up @ down)


def test_grey_model_brings_its_screentone(tmp_path):
    model = tiny_colorflow.make_sd()
    sources = published(tmp_path, model, Variant.GREY)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        screen = ScreenStyle().eval()
    for name, state in (
        (_GENERATOR, as_spectral(screen.generator.state_dict())),
        (_DECODER, with_noise_blocks(screen.decoder.state_dict())),
    ):
        (sources.published / name).parent.mkdir(parents=True)
        torch.save(state, sources.published / name)
    convert(sources, Variant.GREY, tmp_path / "grey", model.colouring.prompts)
    converted = ColorFlowModel.load(tmp_path / "grey").screenstyle
    assert converted is not None
    for key, value in screen.state_dict().items():
        torch.testing.assert_close(converted.state_dict()[key], value, msg=key)


def with_noise_blocks(state):
    """A decoder's weights with its biases under the published names."""
    return {key.replace(".noise_bias", ".noiseblock.bias"): value for key, value in state.items()} | {
        "model.noiseblock.weight": torch.zeros(1)
    }


def test_left_over_tensor_is_refused_and_nothing_written(sketch, tmp_path):
    model, sources = sketch
    file = sources.published / "sketch/transformer_lora.bin"
    whole = file.read_bytes()
    lora = torch.load(file, weights_only=True)
    torch.save(lora | {"extra.lora_A.default.weight": torch.zeros(TINY_RANK, 4)}, file)
    with pytest.raises(UnusableModel, match=r"1 tensors differ, the first is `extra.lora_A"):
        convert(sources, Variant.SKETCH, tmp_path / "models/sketch", model.colouring.prompts)
    file.write_bytes(whole)
    assert list((tmp_path / "models").iterdir()) == []


def test_missing_file_is_said(sketch, tmp_path):
    model, sources = sketch
    with pytest.raises(UnusableModel, match="can't be"):
        convert(sources, Variant.SHADING, tmp_path / "shading", model.colouring.prompts)


def test_screentone_is_the_same_each_time_and_of_the_pages_size():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        screen = ScreenStyle().eval()
    page = np.random.default_rng(0).integers(0, 256, (40, 70, 3), np.uint8)
    first = screen.screen(page)
    assert first.shape == (40, 70)
    assert np.array_equal(first, screen.screen(page))


@pytest.mark.parametrize("shape", [(16, 16), (17, 40), (33, 15)])
def test_lines_have_the_pictures_size(shape):
    lines = LineExtractor().eval().extract(np.full((*shape, 3), 200, np.uint8))
    assert lines.shape == shape
    assert lines.dtype == np.uint8
