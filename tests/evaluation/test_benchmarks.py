"""The papers' benchmarks: layouts read, measures through networks, one row as a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from colorizer.engines import registry
from colorizer.errors import InvalidInput, MissingModel
from colorizer.imaging.pictures import write_png
from colorizer_lab.evaluation.benchmarks import Layout, read_benchmark
from colorizer_lab.evaluation.features import (
    BuiltIn,
    Clip,
    LinearAesthetics,
    frechet_distance,
    image_similarity,
    tower_folder,
)
from colorizer_lab.evaluation.inception import Inception
from colorizer_lab.evaluation.tables import COLUMNS, Benchmark, measure, table
from drawn import box_reference, box_sketch
from engines.match_stand_ins import SamePlace, engine
from safetensors.torch import save_file


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """Two pictures in AnimeDiffusion's layout."""
    for name, size in (("0", 176), ("1", 192)):
        for role, picture in (("reference", box_reference(size)), ("condition", box_sketch(size))):
            (tmp_path / role).mkdir(exist_ok=True)
            write_png(tmp_path / role / f"{name}.png", picture)
    return tmp_path


@pytest.fixture
def chapter(tmp_path: Path) -> Path:
    """One chapter in ColorFlow-Bench's layout, of two pages and three references."""
    for role, names in (("reference", "abc"), ("page", "12"), ("original", "12")):
        (tmp_path / "one" / role).mkdir(parents=True)
        for name in names:
            picture = box_sketch(176) if role == "page" else box_reference(176)
            write_png(tmp_path / "one" / role / f"{name}.png", picture)
    return tmp_path


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "get", lambda name: engine(SamePlace()))


def test_faces_take_colours_from_their_warped_selves(faces: Path) -> None:
    first, second = read_benchmark(faces, Layout.ANIME_DIFFUSION)
    assert (first.references, first.truth) == ((first.truth,), faces / "reference" / "0.png")
    assert (first.pool()[0] == first.pool()[0]).all()
    assert (first.pool()[0] != box_reference(176)).any()
    assert first.warp_seed != second.warp_seed


def test_faces_across(faces: Path) -> None:
    first, second = read_benchmark(faces, Layout.ANIME_DIFFUSION, cross=True)
    assert (first.references, second.references) == ((second.truth,), (first.truth,))
    assert (first.pool()[0] == box_reference(192)).all()


def test_chapters(chapter: Path) -> None:
    examples = read_benchmark(chapter, Layout.COLORFLOW)
    assert [example.name for example in examples] == ["one/1", "one/2"]
    assert len(examples[0].references) == 3


def test_another_layout_told(faces: Path) -> None:
    with pytest.raises(InvalidInput, match="doesn't have the layout of colorflow"):
        read_benchmark(faces, Layout.COLORFLOW)
    (faces / "condition" / "1.png").unlink()
    with pytest.raises(InvalidInput, match="1 is in only one"):
        read_benchmark(faces, Layout.ANIME_DIFFUSION)


def test_row_as_in_the_papers(chapter: Path) -> None:
    figures = measure(Benchmark(chapter, Layout.COLORFLOW, "match"), report=chapter / "report.json")
    assert figures["mean"].keys() == set(COLUMNS)
    assert figures["mean"]["psnr"] > 15
    assert figures["mean"]["clip_is"] > 0.9
    assert "built-in" in figures["network"]
    assert "FID" in table(figures)
    assert table(figures).startswith("2 pictures")


def test_rows_beside_each_other(chapter: Path) -> None:
    figures = measure(Benchmark(chapter, Layout.COLORFLOW, "match", limit=1), ["match"])
    (row,) = figures["beside"]
    assert row["mean"] == figures["mean"]
    assert table(figures).count("match") == 2


def test_refused_pictures_are_counted(chapter: Path) -> None:
    (chapter / "one" / "page" / "1.png").write_bytes(b"")
    figures = measure(Benchmark(chapter, Layout.COLORFLOW, "match"))
    assert (figures["refused"], figures["mean"]["fid"]) == (1, None)
    assert "(1 refused)" in table(figures)
    assert "zero bytes" in figures["items"][0]["sentence"]


def test_frechet_distance_of_known_gaussians() -> None:
    random = np.random.default_rng(0)
    features = random.standard_normal((20000, 3))
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(features + [3.0, 0, 4.0], features) == pytest.approx(25)
    # Means apart by nothing, deviations 1 and 2: three times (1 - 2) squared.
    assert frechet_distance(features * 2, features) == pytest.approx(3, abs=0.1)


def test_image_similarity_is_a_cosine() -> None:
    features = np.array([[1.0, 0.0], [0.0, 2.0]])
    assert image_similarity(features, features * 7) == 1
    assert image_similarity(features, features[::-1]) == 0


def test_built_in_network_tells_pictures_apart() -> None:
    pictures = [box_reference(64)[..., :3], box_reference(64)[..., :3], box_sketch(64)[..., :3]]
    features = BuiltIn().features(pictures)
    assert (features[0] == features[1]).all()
    assert image_similarity(features[:1], features[2:]) < 0.999


def test_clip_tower_from_a_folder(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.CLIPVisionConfig(**sizes, image_size=28, patch_size=14, projection_dim=8)
    transformers.CLIPVisionModelWithProjection(config).save_pretrained(tmp_path)
    assert Clip(tmp_path).features([box_reference(64)[..., :3]]).shape == (1, 8)
    with pytest.raises(MissingModel, match="no CLIP image tower"):
        Clip(tmp_path / "nothing")


def test_installed_clip_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORIZE_HOME", str(tmp_path))
    tower = tmp_path / "models" / "clip-vit-h-14" / "image_encoder"
    tower.mkdir(parents=True)
    assert tower_folder(Path("clip-vit-h-14")) == tower_folder(tower.parent) == tower_folder(tower) == tower


def test_aesthetic_predictor_is_linear(tmp_path: Path) -> None:
    network = BuiltIn()
    depth = network.features([box_reference(64)[..., :3]]).shape[1]
    torch.manual_seed(0)
    layers = {"layers.0": torch.nn.Linear(depth, 4), "layers.2": torch.nn.Linear(4, 1)}
    state = {
        f"{name}.{key}": value for name, layer in layers.items() for key, value in layer.state_dict().items()
    }
    save_file(state, tmp_path / "head.safetensors")
    scores = LinearAesthetics(tmp_path / "head.safetensors", network).scores([box_reference(64)[..., :3]] * 2)
    assert scores.shape == (2,)
    assert scores[0] == scores[1]
    with pytest.raises(MissingModel, match="not an aesthetic predictor"):
        LinearAesthetics(tmp_path / "none.safetensors", network)


def test_inception_is_the_published_one() -> None:
    with torch.device("meta"):
        network = Inception()
    assert sum(tensor.numel() for tensor in network.parameters()) == 21_785_568
    convolutions = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d)]
    assert len(convolutions) == 94
    assert network(torch.zeros(1, 3, 299, 299, device="meta")).shape == (1, 2048)
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert shapes["Mixed_6c.branch7x7dbl_4.conv.weight"] == (160, 160, 7, 1)
    assert shapes["Mixed_7a.branch7x7x3_2.conv.weight"] == (192, 192, 1, 7)
