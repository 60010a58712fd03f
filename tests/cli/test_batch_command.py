"""`colorize batch` and `colorize benchmark` as scripts use them: statuses, sentences, one line of JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from colorizer.engines import registry
from colorizer.imaging.pictures import write_png
from drawn import box_reference, box_sketch
from engines.match_stand_ins import SamePlace, engine


@pytest.fixture
def colorize(colorize, monkeypatch: pytest.MonkeyPatch):
    """The command with an engine that answers by place."""
    monkeypatch.setattr(registry, "get", lambda name: engine(SamePlace()))
    return colorize


@pytest.fixture
def words(tmp_path: Path) -> tuple[object, ...]:
    """A batch of two pages."""
    (tmp_path / "pages").mkdir()
    for number in (1, 2):
        write_png(tmp_path / "pages" / f"{number}.png", box_sketch(96))
    write_png(tmp_path / "reference.png", box_reference(96))
    return ("batch", tmp_path / "pages", "--reference", tmp_path / "reference.png", "-o", tmp_path / "out")


def test_batch_tells_what_came_of_it(colorize, words):
    status, printed, problem = colorize(*words)
    assert (status, problem) == (0, "")
    assert "2 pages coloured" in printed
    assert "2 already finished" in colorize(*words)[1]


def test_failed_page_is_status_one(colorize, words, tmp_path):
    (tmp_path / "pages" / "2.png").write_bytes(b"")
    status, printed, problem = colorize(*words, "--json")
    record = json.loads(printed)
    assert (status, record["done"], record["failed"]) == (1, 1, 1)
    assert problem == "colorize: 1 of 2 pages failed. Run the same command again to retry only these.\n"


@pytest.mark.parametrize(
    "extra", [("--mode", "sideways"), ("--reference-mask", "a", "--reference-mask", "b")]
)
def test_wrong_use_is_status_two(colorize, words, extra):
    assert colorize(*words, *extra)[0] == 2


def test_missing_folder_is_one_sentence(colorize, words, tmp_path):
    status, _, problem = colorize("batch", tmp_path / "nowhere", *words[2:])
    assert status == 1
    assert "isn't a folder" in problem


def test_benchmark_prints_a_row(colorize, tmp_path):
    for role, picture in (("reference", box_reference(96)), ("condition", box_sketch(96))):
        (tmp_path / role).mkdir()
        for name in "ab":
            write_png(tmp_path / role / f"{name}.png", picture)
    status, printed, _ = colorize("benchmark", tmp_path, "--layout", "anime-diffusion")
    assert status == 0
    assert "PSNR" in printed
    assert colorize("benchmark", tmp_path, "--layout", "other")[0] == 2
