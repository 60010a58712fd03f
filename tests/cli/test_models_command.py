"""`colorize models` as people use it, and pictures coloured with small models through the command line."""

import hashlib
import json

import pytest
import tiny_colorize_diffusion as tiny
from colorizer.catalogue.convert import Choices
from colorizer.catalogue.entries import Catalogue
from colorizer.catalogue.store import Store
from colorizer.engines import registry
from colorizer.engines.colorize_diffusion.settings import Version
from colorizer.engines.models import quiet_libraries
from colorizer.imaging.pictures import read_picture


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("COLORIZE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(registry, "_make", registry._make.__wrapped__)  # engines of this test's home
    return tmp_path / "home"


@pytest.fixture
def colorize(home, colorize):
    """The command in this test's home."""
    return colorize


def test_list_names_every_published_model(colorize):
    status, printed, _ = colorize("models", "list", "--json")
    found = {model["name"]: model for model in json.loads(printed)}
    assert status == 0
    assert {"colorize-diffusion-v1", "colorize-diffusion-v1.5", "colorize-diffusion-v2"} <= found.keys()
    assert found["colorize-diffusion-v2"]["licence"]["commercial"] is False
    assert "CC BY-NC-SA 4.0" in colorize("models", "list")[1]


def test_download_shows_the_licence_first(colorize):
    status, _, problem = colorize("models", "download", "colorize-diffusion-v2")
    assert status == 1
    assert "not for commercial work" in problem
    assert "--accept-licence" in problem


def test_offline_is_one_sentence(colorize, monkeypatch):
    monkeypatch.setenv("COLORIZE_OFFLINE", "1")
    status, _, problem = colorize("models", "download", "colorize-diffusion-v2", "--accept-licence")
    assert (status, problem.count("\n")) == (1, 1)
    assert "COLORIZE_OFFLINE" in problem


@pytest.mark.parametrize(
    "words",
    [
        ("verify", "nothing"),
        ("remove", "nothing"),
        ("convert", "nothing.safetensors"),
        ("download", "nothing", "--accept-licence"),
    ],
)
def test_what_is_not_there_is_one_sentence(words, colorize):
    status, _, problem = colorize("models", *words)
    assert (status, problem.count("\n")) == (1, 1)


def test_prediction_is_one_of_two(colorize):
    assert colorize("models", "convert", "x.safetensors", "--prediction", "noise")[0] == 2


@pytest.mark.parametrize("version", Version, ids=lambda version: version.value)
def test_run_colours_with_a_small_model(version, run_sample, sample, home, tmp_path):
    quiet_libraries()
    tiny.make(version).save_pretrained(home / "models" / "small")
    status, printed, problem = run_sample(
        tmp_path / "out.png",
        *("--engine", "colorize_diffusion", "--model", "small", "--mode", "split"),
        *("--steps", 1, "--size", 64, "--json"),
    )
    assert (status, problem) == (0, "")
    record = json.loads(printed)
    assert record["report"]["version"] == version.value
    weights = home / "models/small/unet/diffusion_pytorch_model.safetensors"
    assert record["hashes"]["model"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert read_picture(tmp_path / "out.png").shape == read_picture(sample / "sketch.png").shape


def test_missing_model_is_told(run_sample, tmp_path):
    for engine in ("colorflow", "anime_diffusion"):
        status, _, problem = run_sample(tmp_path / "out.png", "--engine", engine)
        assert (status, problem.count("\n")) == (1, 1)
        assert "model" in problem


def test_published_layout_goes_the_whole_way(colorize, run_sample, shared, home, tmp_path):
    """A v1 checkpoint and CLIP, both converted, verified, and a picture coloured with them."""
    import sys
    from pathlib import Path

    from safetensors.torch import load_file, save_file

    sys.path.insert(0, str(Path(__file__).parents[1] / "catalogue"))
    import published_files

    folder = shared / "parity" / "cd_v1_mult"
    if not folder.is_dir():
        pytest.skip("no recorded fixtures in the shared folder")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    tensors = {}
    for file in config["weights_files"]:
        tensors |= load_file(folder / file)
    vae = load_file(shared / "parity" / "cd_vae" / "weights.safetensors")
    tensors |= {f"first_stage_model.{key}": value for key, value in vae.items()}
    tensors = {key: value for key, value in tensors.items() if not key.startswith("cond_stage_model.")}
    save_file(tensors, tmp_path / "mine.safetensors")
    published_files.clip(tmp_path / "clip.safetensors", projection_dim=64)
    status, _, problem = colorize("models", "convert", tmp_path / "mine.safetensors")
    assert status == 1
    assert "epsilon" in problem
    choices = Choices(prediction="epsilon", head_dim=16)  # the recorded networks are small
    Store(Catalogue(())).convert(tmp_path / "mine.safetensors", "mine", choices, lambda *_: None)
    words = (tmp_path / "out.png", "--engine", "colorize_diffusion", "--steps", 1, "--size", 64)
    status, _, problem = run_sample(*words)
    assert status == 1
    assert "clip-vit-h-14" in problem
    assert colorize("models", "convert", tmp_path / "clip.safetensors")[0] == 0
    assert colorize("models", "verify", "mine")[1] == "mine is intact.\n"
    assert run_sample(*words)[0] == 0
    assert colorize("models", "remove", "mine")[0] == 0
