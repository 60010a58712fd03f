"""Published checkpoints to model folders: every key accounted for, nothing half done, plain words for bad files."""

import json
import pickle
import sys

import pytest
import torch
from colorizer.engines.colorize_diffusion import architecture, checkpoint_keys, convert
from colorizer.engines.colorize_diffusion.adapters import adapters_of
from colorizer.engines.colorize_diffusion.checkpoint_keys import Change, Component, Target, targets
from colorizer.engines.colorize_diffusion.convert import (
    changed_shape,
    check_lora,
    guess_prediction,
    inspect_checkpoint,
)
from colorizer.engines.colorize_diffusion.pipeline import ColorizeDiffusionPipeline
from colorizer.engines.colorize_diffusion.settings import Branch, Prediction, Version
from colorizer.errors import UnusableModel
from safetensors.torch import load_file, save_file

FOLDERS = {Version.V1: "cd_v1_mult", Version.V1_5: "cd_v15_switch", Version.V2: "cd_v2"}
COUNTS = {  # specification, section 18 a
    Component.UNET: 686,
    Component.VAE: 248,
    Component.SKETCH_ENCODER: 42,
    Component.RECOVERY: 79,
    Component.THRESHOLD_EMBEDDER: 4,
    Component.BACKGROUND_ENCODER: 280,
    Component.STYLE_ENCODER: 280,
    Component.WARP: 156,
    Component.STYLE: 72,
}
LORA_COUNT = {Version.V1_5: 192, Version.V2: 108}
every_version = pytest.mark.parametrize("version", Version, ids=lambda version: version.value)


@pytest.fixture
def parity(shared):
    """The recorded fixtures."""
    folder = shared / "parity"
    if not folder.is_dir():
        pytest.skip("no recorded fixtures in the shared folder")
    return folder


@pytest.fixture
def full_size(parity):
    """Shapes of the published full-size layouts, image and text towers included."""

    def shapes(version):
        keys = json.loads((parity / FOLDERS[version] / "full_keys.json").read_text("utf-8"))["keys"]
        return {key: tuple(shape) for key, (shape, *_) in keys.items()}

    return shapes


@pytest.fixture
def checkpoint(parity, tmp_path):
    """A small checkpoint in the published layout, put together from the fixtures."""

    def make(version, name="mult-eps-small.safetensors", **changes):
        config = json.loads((parity / FOLDERS[version] / "config.json").read_text("utf-8"))
        tensors = {}
        for file in config["weights_files"]:
            tensors |= load_file(parity / FOLDERS[version] / file)
        vae = load_file(parity / "cd_vae" / "weights.safetensors")
        tensors |= {f"first_stage_model.{key}": value for key, value in vae.items()}
        tensors |= changes
        tensors = {key: value.float() for key, value in tensors.items() if value is not None}
        save_file(tensors, tmp_path / name)
        return tmp_path / name

    return make


@every_version
def test_full_size_layout_is_known(version, full_size):
    contents = inspect_checkpoint(full_size(version), "file")
    assert contents.version is version
    for component, parts in contents.parts.items():
        if component in COUNTS:
            assert len(parts) == COUNTS[component], component
    lora = sum(len(contents.parts.get(component, ())) for component in convert.LORA)
    assert lora == LORA_COUNT.get(version, 0)


@every_version
def test_every_full_size_tensor_fits(version, full_size):
    """Keys and shapes of all networks, built without memory."""
    contents = inspect_checkpoint(full_size(version), "file")
    sizes = architecture.read(contents.shapes)
    for component, found in contents.shapes.items():
        if component in convert.LORA:
            check_lora(found, contents.shapes[Component.UNET])
            continue
        with torch.device("meta"):
            network = architecture.build(component, sizes)
        wanted = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
        assert dict(found) == wanted, component


def test_published_sizes_are_the_defaults(full_size):
    sizes = architecture.read(inspect_checkpoint(full_size(Version.V1_5), "file").shapes)
    usual = architecture.Architecture(towers=sizes.towers)
    assert sizes == usual
    assert sizes.heads == (5, 10, 20, 20)


@every_version
def test_converted_model_holds_every_tensor(version, checkpoint, tmp_path):
    file, heard = checkpoint(version), []
    found = convert.convert(file, tmp_path / "model", on_part=lambda *part: heard.append(part), head_dim=16)
    assert found is version
    pipeline = ColorizeDiffusionPipeline.from_pretrained(tmp_path / "model")
    assert pipeline.version is version
    assert heard[0][1:] == (0, len(heard))
    lora = adapters_of(pipeline.unet)
    for key, tensor in load_file(file).items():
        for target in targets(key):
            assert torch.equal(tensor_of(pipeline, lora, target), target.change.apply(tensor)), key


def tensor_of(pipeline, lora, target):
    if target.component in convert.LORA:
        return lora[convert.LORA[target.component]][target.key]
    parts = target.key.rsplit(".", 1)
    module = getattr(pipeline, target.component.value).get_submodule(parts[0] if len(parts) > 1 else "")
    return getattr(getattr(module, "base_layer", module), parts[-1])


def test_pickles_are_read_without_running_code(checkpoint, tmp_path):
    tensors = load_file(checkpoint(Version.V1))
    torch.save({"state_dict": tensors}, tmp_path / "mult-eps.ckpt")
    assert convert.convert(tmp_path / "mult-eps.ckpt", tmp_path / "model", head_dim=16) is Version.V1


class Hostile:
    def __reduce__(self):
        return (sys.exit, ("it ran",))


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("a.safetensors", lambda f: f.write_bytes(b""), "can't be read as a model"),
        ("a.safetensors", lambda f: f.write_bytes(b"\xff" * 200), "can't be read as a model"),
        ("a.ckpt", lambda f: f.write_bytes(pickle.dumps(Hostile())), "never run"),
        ("a.ckpt", lambda f: f.write_bytes(b"no pickle"), "can't be read as a model"),
        ("a.ckpt", lambda f: torch.save([1, 2], f), "contains no named tensors"),
        ("a.safetensors", lambda f: save_file({"x": torch.ones(1)}, f), "not a ColorizeDiffusion model"),
    ],
)
def test_bad_files_get_a_sentence(name, write, message, tmp_path):
    write(tmp_path / name)
    with pytest.raises(UnusableModel, match=message):
        convert.convert(tmp_path / name, tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_missing_file_gets_a_sentence(tmp_path):
    with pytest.raises(UnusableModel, match="can't be read"):
        convert.convert(tmp_path / "none.safetensors", tmp_path / "model")


def test_cut_off_file_gets_a_sentence(checkpoint, tmp_path):
    file = checkpoint(Version.V1)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(UnusableModel, match="Download it again"):
        convert.convert(file, tmp_path / "model")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model.diffusion_model.novelty.weight": torch.ones(2)}, "no known ColorizeDiffusion version"),
        ({"model.diffusion_model.out.2.bias": None}, "incomplete or damaged: 1 tensors .*conv_out.bias"),
        ({"model.diffusion_model.out.2.bias": torch.ones(7)}, "incomplete or damaged"),
        ({"thresh_embedder.embed_layer.0.bias": torch.ones(64)}, "is a v1.5 model without its"),
    ],
)
def test_incomplete_or_foreign_models_are_refused_whole(changes, message, checkpoint, tmp_path):
    file = checkpoint(Version.V1, **changes)
    with pytest.raises(UnusableModel, match=message):
        convert.convert(file, tmp_path / "model", head_dim=16)
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_prediction_has_to_be_said_where_nothing_tells(checkpoint, tmp_path):
    file = checkpoint(Version.V1, name="renamed.safetensors")
    with pytest.raises(UnusableModel, match="epsilon"):
        convert.convert(file, tmp_path / "model", head_dim=16)
    convert.convert(file, tmp_path / "model", Prediction.V, head_dim=16)
    index = json.loads((tmp_path / "model" / "model_index.json").read_text("utf-8"))
    assert index["prediction"] == "v_prediction"


@pytest.mark.parametrize(
    ("version", "name", "prediction"),
    [
        (Version.V1, "mult-eps-newft.safetensors", Prediction.EPSILON),
        (Version.V1_5, "switch-eps.safetensors", Prediction.EPSILON),
        (Version.V1, "steps.safetensors", None),
        (Version.V2, "v2-full.safetensors", Prediction.V),
    ],
)
def test_prediction_by_published_name(version, name, prediction):
    assert guess_prediction(version, name) is prediction


def test_old_layout_keeps_its_sketch_encoder_in_the_unet():
    old, new = "model.diffusion_model.semantic_input_blocks.model.0.weight", "control_encoder.model.0.weight"
    assert targets(old) == targets(new) == (Target(Component.SKETCH_ENCODER, "stem.0.weight"),)


@pytest.mark.parametrize("key", ["betas", "model_ema.x", "posterior_mean_coef2"])
def test_superfluous_keys_go_nowhere(key):
    assert targets(key) == ()


@pytest.mark.parametrize(
    "key", ["x", "betas.y", "model.diffusion_model.label_emb.0.0.weight", "bg_encoder.out.0.bias"]
)
def test_unknown_keys_are_told(key):
    assert targets(key) is None


@pytest.mark.parametrize("shape", [(6, 4), (6, 4, 1, 1)])
@pytest.mark.parametrize("change", Change)
def test_changed_shape_is_the_changed_tensors(change, shape):
    if change is Change.TRANSPOSE and len(shape) > 2:
        pytest.skip("matrices only")
    assert changed_shape(shape, change) == tuple(change.apply(torch.ones(shape)).shape)


def test_lora_of_another_network_is_refused():
    unet = {"a.to_q.weight": (8, 6)}
    with pytest.raises(UnusableModel, match="does not fit its UNet"):
        check_lora({"a.to_q.lora_A.weight": (2, 5), "a.to_q.lora_B.weight": (8, 2)}, unet)


def test_model_folder_is_replaced_only_when_empty(checkpoint, tmp_path):
    """An existing model is never half overwritten."""
    file, folder = checkpoint(Version.V1), tmp_path / "model"
    folder.mkdir()
    (folder / "kept").write_text("mine")
    with pytest.raises(UnusableModel, match="can't be written"):
        convert.convert(file, folder, head_dim=16)
    assert (folder / "kept").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"model", file.name}


def test_sides_are_the_adapters_names():
    assert [side.value for side in Branch] == [checkpoint_keys.Component(side.value).value for side in Branch]
