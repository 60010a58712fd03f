"""`evaluate` goes through the engine's door, judges what can be judged and writes down what came of the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from colorizer.engines import registry
from colorizer.engines.base import ColorizeRequest, Layer, Reference, Report, Result, Role
from colorizer.errors import InvalidInput, NothingToColour, UnknownEngine
from colorizer.imaging.pictures import read_picture
from colorizer_lab.evaluation import report
from colorizer_lab.evaluation.baselines import NAMES
from colorizer_lab.evaluation.corpus import read_corpus
from colorizer_lab.evaluation.report import evaluate, table
from drawn import BLUE, RED, blank
from engines.match_stand_ins import SamePlace, engine
from evaluation.corpora import write_corpus

FIGURES = {
    "figure_within_10",
    "area_within_10",
    "regions_within_10",
    "area_within_5",
    "delta_e_area",
    "psnr",
    "ssim",
    "bleed",
    "unpainted",
    "off_palette",
    "seconds",
    "lines_unchanged",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """A whole evaluation with an engine that takes the colour at the same place; and its folder."""
    folder = tmp_path_factory.mktemp("evaluation")
    write_corpus(folder / "corpus")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "get", lambda name: engine(SamePlace()))
        figures = evaluate(
            folder / "corpus", "match", report=folder / "report.json", sheet=folder / "sheet.png"
        )
    return figures, folder


def test_figures_of_a_triplet(run: tuple[dict[str, Any], Path]) -> None:
    entry = run[0]["items"][0]
    assert entry.keys() >= FIGURES | {"id", "kind", "class", "baselines"}
    assert (entry["area_within_10"], entry["unpainted"], entry["off_palette"]) == (1, 0, 0)
    assert entry["figure_within_10"] > 0.95
    assert entry["lines_unchanged"] is True
    assert entry["class"] == "aligned"
    assert entry["baselines"].keys() == set(NAMES)


def test_means_and_classes(run: tuple[dict[str, Any], Path]) -> None:
    figures = run[0]
    assert figures["mean"].keys() >= FIGURES
    assert figures["classes"].keys() == {"aligned"}
    assert figures["classes"]["aligned"]["items"] == 1
    assert figures["baselines"]["same_place"]["mean"]["area_within_10"] == 1
    white = figures["baselines"]["white"]["classes"]["aligned"]
    assert white["figure_within_10"] == white["area_within_10"] == 0


def test_families_and_risk(run: tuple[dict[str, Any], Path]) -> None:
    figures = run[0]
    assert figures["families"]["box"]["items"] == 1
    assert figures["risk"]["100%"] == 1
    assert "of the surest area, right: 50% 1.000" in table(figures)


def test_every_item_is_in(run: tuple[dict[str, Any], Path]) -> None:
    entries = {entry["id"]: entry for entry in run[0]["items"]}
    assert list(entries) == ["box", "wild", "run", "odd"]
    assert "area_within_10" not in entries["wild"]
    assert entries["run"]["area_within_10"] == 1
    assert entries["odd"]["cases"] == 3
    assert len(entries["odd"]["sentences"]) == 1
    assert "zero bytes" in entries["odd"]["sentences"][0]


def test_report_and_sheet_written(run: tuple[dict[str, Any], Path]) -> None:
    figures, folder = run
    assert json.loads((folder / "report.json").read_text("utf-8")) == figures
    assert read_picture(folder / "sheet.png").shape[1] > 1000
    assert not list(folder.glob("*.part"))


@pytest.mark.parametrize(
    ("same_place", "name"), [(0.29, "hard"), (0.3, "middle"), (0.69, "middle"), (0.7, "aligned")]
)
def test_classes_by_what_the_pose_gives_away(same_place: float, name: str) -> None:
    assert report._class(same_place) == name


def test_off_palette_counts_what_is_seen() -> None:
    layer = Layer("Flats", Role.FOREGROUND, blank(8, 8, BLUE), mask=np.zeros((8, 8), np.uint8))
    references = [Reference(blank(8, 8, RED))]
    assert report._off_palette(Result((layer,)), references) == 0
    layer.mask[:4] = 255
    assert report._off_palette(Result((layer,)), references) == 1


def test_unpainted_is_of_the_figure() -> None:
    flat, mask = blank(8, 8), np.zeros((4, 4), np.uint8)
    flat[:2, :, 3] = 0
    mask[:2] = 255
    assert report._unpainted(flat, mask) == 0.5
    assert report._unpainted(flat, None) == 0.25


def test_table_names_baselines(run: tuple[dict[str, Any], Path]) -> None:
    text = table(run[0])
    assert "4 items" in text
    assert "same_place" in text
    assert f"engine          {run[0]['mean']['figure_within_10']:.3f}  1.000  1.000" in text


def test_progress_and_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "get", lambda name: engine(SamePlace()))
    seen: list[str] = []
    figures = evaluate(
        write_corpus(tmp_path), "match", limit=2, progress=lambda name, done, total: seen.append(name)
    )
    assert [entry["id"] for entry in figures["items"]] == ["box", "wild"]
    assert seen == ["Colouring box", "Colouring wild"]


def test_no_corpus_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"contains no manifest\.json"):
        read_corpus(tmp_path)


@pytest.mark.parametrize(
    "items",
    [
        '[{"id": 1}]',
        '[{"id": "a", "kind": "wild_pair", "files": {"sketch": 3, "reference": "r.png"}}]',
        '[{"id": "a", "kind": "sequence", "files": {"sketches": ["s.png"], "reference_pool": []}}]',
        '[{"id": "a", "kind": "hostile", "files": {"sketch": "s.png"}}]',
        "{}",
        "nonsense",
    ],
)
def test_odd_manifest_told(tmp_path: Path, items: str) -> None:
    (tmp_path / "manifest.json").write_text(f'{{"items": {items}}}' if items != "{}" else items)
    with pytest.raises(InvalidInput, match="is not a valid manifest"):
        read_corpus(tmp_path)


def test_broken_truth_is_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "get", lambda name: engine(SamePlace()))
    write_corpus(tmp_path)
    (tmp_path / "t.png").write_bytes(b"no picture")
    (item,) = evaluate(tmp_path, "match", limit=1)["items"]
    assert "isn't a picture" in item["sentences"][0]


def test_refused_triplet_counts_as_left_white(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(request: ColorizeRequest, report: Report) -> Result:
        raise NothingToColour("The layer holds no lines.")

    refusing = engine(SamePlace())
    monkeypatch.setattr(refusing, "colorize", refuse)
    monkeypatch.setattr(registry, "get", lambda name: refusing)
    figures = evaluate(write_corpus(tmp_path), "match", sheet=tmp_path / "sheet.png")
    assert figures["items"][0]["sentences"] == ["The layer holds no lines."]
    assert figures["mean"]["figure_within_10"] == figures["baselines"]["white"]["mean"]["figure_within_10"]
    assert "figure_within_10" not in figures["items"][1]


def test_unknown_engine_told(tmp_path: Path) -> None:
    with pytest.raises(UnknownEngine, match="no engine"):
        evaluate(write_corpus(tmp_path), "matsch")


@pytest.mark.corpus
def test_corpus_read(corpus: Path) -> None:
    items = read_corpus(corpus)
    missing = [case.sketch for item in items for case in item.cases if not case.sketch.is_file()]
    assert {item.kind for item in items} >= {"triplet", "wild_pair", "sequence", "hostile"}
    assert not missing
