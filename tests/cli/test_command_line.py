"""The `colorize` command as people and scripts use it: files, exit statuses, sentences."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from colorizer import headless, paths
from colorizer.imaging.pictures import read_picture, write_png
from drawn_pages import doll_reference, draw_page

SKETCH = paths.resource("sample/sketch.png")
REFERENCE = paths.resource("sample/reference.png")


def test_run_writes_a_picture_of_the_sketch_size(run_sample, sample, tmp_path):
    status, _, problem = run_sample(tmp_path / "out.png")
    assert (status, problem) == (0, "")
    assert read_picture(tmp_path / "out.png").shape == read_picture(sample / "sketch.png").shape


def test_run_leaves_the_sketch_alone(run_sample, sample, tmp_path):
    before = (sample / "sketch.png").read_bytes()
    run_sample(tmp_path / "out.ora")
    assert (sample / "sketch.png").read_bytes() == before


def test_panels_of_a_comic_page_are_told(colorize, tmp_path):
    write_png(tmp_path / "page.png", draw_page(1, 400, 400, panels=2).sketch())
    write_png(tmp_path / "reference.png", doll_reference(200))
    command = (
        "run",
        tmp_path / "page.png",
        "--reference",
        tmp_path / "reference.png",
        "-o",
        tmp_path / "out.png",
    )
    assert "regions in 2 panels coloured" in colorize(*command)[1]
    record = json.loads(colorize(*command, "--colour-paper", "--json")[1])
    assert record["report"]["panels"] == 2
    assert record["request"]["options"]["colour_paper"] is True


def test_json_is_one_record_on_one_line(run_sample, tmp_path):
    _, printed, _ = run_sample(tmp_path / "out.png", "--json", "--seed", 7, "--mode", "split")
    record = json.loads(printed)
    assert printed.count("\n") == 1
    assert (record["request"]["seed"], record["request"]["mode"]) == (7, "split")
    assert len(record["hashes"]["model"]) == 64


@pytest.mark.parametrize("suffix", [".ora", ".png"])
def test_same_record_same_bytes(run_sample, tmp_path, suffix):
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    run_sample(first, "--seed", 3)
    run_sample(second, "--seed", 3)
    assert first.read_bytes() == second.read_bytes()


def test_hints_bindings_and_swaps(run_sample, sample, tmp_path):
    height, width = read_picture(sample / "sketch.png").shape[:2]
    hints = np.zeros((height, width, 4), np.uint8)
    hints[:9, :9] = (1, 2, 254, 255)
    write_png(tmp_path / "hints.png", hints)
    told = ("--hints", tmp_path / "hints.png", "--bind", f"{width // 2},{height // 2}=1:9,9")
    _, printed, _ = run_sample(tmp_path / "out.png", *told, "--swap", "#0102fe=#FE0201", "--json")
    record = json.loads(printed)
    assert record["request"]["bindings"][0]["reference"] == 0
    assert record["request"]["swaps"] == [{"before": "#0102fe", "after": "#fe0201"}]
    assert "#fe0201" in record["report"]["palette"]
    assert read_picture(tmp_path / "out.png")[4, 4, :3].tolist() == [254, 2, 1]
    assert {place["kind"] for place in record["check"]} <= {"doubtful", "unpainted", "leak"}


def test_layers_come_with_what_to_check(run_sample, tmp_path):
    run_sample(tmp_path / "out.ora")
    stack = zipfile.ZipFile(tmp_path / "out.ora").read("stack.xml").decode()
    assert 'name="Check me"' in stack.split('name="Lines"')[0]
    assert 'visibility="hidden"' in stack


@pytest.mark.parametrize(
    ("size", "alpha", "words"), [((5, 5), 0, "has the sketch's size"), (None, 255, "opaque everywhere")]
)
def test_unusable_hints_are_told(run_sample, sample, tmp_path, size, alpha, words):
    height, width = size or read_picture(sample / "sketch.png").shape[:2]
    write_png(tmp_path / "hints.png", np.full((height, width, 4), alpha, np.uint8))
    status, _, problem = run_sample(tmp_path / "o.png", "--hints", tmp_path / "hints.png")
    assert status == 1
    assert words in problem


def test_broken_picture_is_one_sentence(colorize, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(REFERENCE.read_bytes()[:5000])
    status, printed, problem = colorize("run", broken, "--reference", REFERENCE, "-o", tmp_path / "out.png")
    assert (status, printed) == (1, "")
    assert problem.count("\n") == 1
    assert "broken.png" in problem
    assert not (tmp_path / "out.png").exists()


def test_missing_picture_is_one_sentence(colorize, tmp_path):
    status, _, problem = colorize(
        "run", tmp_path / "no.png", "--reference", REFERENCE, "-o", tmp_path / "o.png"
    )
    assert status == 1
    assert problem.count("\n") == 1


@pytest.mark.parametrize("role", ["--sketch-mask", "--reference-mask", "--background", "--hints", "sketch"])
def test_result_never_replaces_what_was_read(colorize, tmp_path, role):
    mine = tmp_path / "mine.png"
    mine.write_bytes(SKETCH.read_bytes())
    sketch, told = (mine, ()) if role == "sketch" else (SKETCH, (role, mine))
    status, _, problem = colorize("run", sketch, "--reference", REFERENCE, *told, "-o", mine)
    assert status == 1
    assert "another name" in problem
    assert mine.read_bytes() == SKETCH.read_bytes()


@pytest.mark.parametrize(
    "words",
    [
        ("run",),
        ("run", SKETCH, "--reference", REFERENCE, "-o", "result.jpg"),
        ("run", SKETCH, "--reference", REFERENCE, "-o", "o.png", "--mode", "sideways"),
        ("run", SKETCH, "--reference", REFERENCE, "-o", "o.png", "--seed", "-1"),
        ("run", SKETCH, "--reference", REFERENCE, "-o", "o.png", *("--reference-mask", "m.png") * 2),
        ("run", SKETCH, "--reference", REFERENCE, "-o", "o.png", "--bind", "1,2=0:3,4"),
        ("run", SKETCH, "--reference", REFERENCE, "-o", "o.png", "--swap", "red=#000000"),
        ("run", SKETCH, "--reference", REFERENCE, "-o", "o.png", *("--swap", "#000000=#111111") * 2),
        ("run", SKETCH, "--reference", REFERENCE, "-o", "no/such/folder/o.png"),
        ("run", SKETCH, "--reference", REFERENCE, "-o", Path(__file__).parent),
        ("evaluate", ".", "--report", "no/such/folder/r.json"),
        ("evaluate", ".", "--dots", "4,2"),
        ("evaluate", ".", "--dots", "1", "--masks"),
        ("evaluate", ".", "--model", "mine"),
        ("evaluate", ".", "--dots", "some"),
        ("nonsense",),
    ],
)
def test_wrong_use_is_status_two(colorize, words):
    assert colorize(*words)[0] == 2


def test_unknown_engine_is_named(run_sample, tmp_path):
    status, _, problem = run_sample(tmp_path / "o.png", "--engine", "mtach")
    assert status == 1
    assert "match" in problem


def test_absent_device_is_told(run_sample, tmp_path):
    status, _, problem = run_sample(tmp_path / "o.png", "--device", "tpu")
    assert status == 1
    assert "device" in problem


def test_doctor_tells_that_pictures_can_be_coloured(colorize):
    status, printed, _ = colorize("doctor", "--json")
    assert status == 0
    findings = {finding["name"]: finding["works"] for finding in json.loads(printed)["findings"]}
    assert findings["torch"]
    assert findings["torchvision"]
    assert findings["match engine"]


def test_unknown_recipe_is_told(colorize, tmp_path):
    status, _, problem = colorize("train", "mtach", "--out", tmp_path / "run")
    assert status == 1
    assert "match" in problem


def test_evaluate_prints_figures_and_writes_them(colorize, corpus, tmp_path):
    report, sheet = tmp_path / "report.json", tmp_path / "sheet.png"
    status, printed, _ = colorize(
        "evaluate", corpus, "--report", report, "--sheet", sheet, "--limit", 2, "--json"
    )
    assert status == 0
    assert json.loads(printed) == json.loads(report.read_text(encoding="utf-8"))
    assert sheet.stat().st_size > 1000


def hostile_items():
    """Ids of the corpus' hostile items but the huge one (an engine's own test); else one that skips."""
    import os

    shared = Path(os.environ.get("COLORIZE_SHARED") or Path(__file__).resolve().parents[3] / "shared")
    found = {path.name for path in (shared / "corpus").glob("hostile_*")}
    return sorted(found - {"hostile_huge_canvas"}) or ["hostile_none"]


@pytest.mark.parametrize(
    ("trouble", "status", "words"),
    [
        (KeyboardInterrupt(), 130, "stopped"),
        (MemoryError(), 1, "memory is full"),
        (OSError(28, "No space left on device", "out.png"), 1, "out.png: No space left"),
    ],
)
def test_what_ends_a_command_is_told_in_one_line(colorize, sample, monkeypatch, trouble, status, words):
    def fail(*_):
        raise trouble

    monkeypatch.setattr(headless, "colorize_file", fail)
    found, printed, problem = colorize(
        "run", sample / "sketch.png", "--reference", sample / "reference.png", "-o", "out.png"
    )
    assert (found, printed) == (status, "")
    assert problem.startswith("colorize: ")
    assert words in problem
    assert problem.count("\n") == 1


@pytest.mark.corpus
@pytest.mark.parametrize("item", hostile_items())
def test_hostile_item_gives_a_result_or_a_sentence(colorize, corpus, tmp_path, item):
    manifest = json.loads((corpus / "manifest.json").read_text(encoding="utf-8"))
    files = next(entry["files"] for entry in manifest["items"] if entry["id"] == item)
    sketch = corpus / files["sketch"]
    reference = corpus / files["reference"] if "reference" in files else REFERENCE
    status, _, problem = colorize("run", sketch, "--reference", reference, "-o", tmp_path / "out.png")
    if status == 0:
        assert read_picture(tmp_path / "out.png").shape[:2] == read_picture(sketch).shape[:2]
    else:
        assert status == 1
        assert problem.startswith("colorize: ")
        assert problem.count("\n") == 1
        assert not (tmp_path / "out.png").exists()
