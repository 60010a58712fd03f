"""Folders of pages: order, going on after a stop, failed pages, results changed by hand, what is never half there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from colorizer.batch.journal import FILE, Entry, Journal
from colorizer.batch.pages import BatchJob, find_pages
from colorizer.batch.run import KEPT, colorize_batch, sentence
from colorizer.engines import registry
from colorizer.engines.base import Options
from colorizer.engines.pages import with_pages
from colorizer.errors import InvalidInput
from colorizer.imaging.pictures import read_picture, write_png
from colorizer.progress import ProgressBar
from drawn import box_reference, box_sketch
from drawn_pages import draw_page
from engines.match_stand_ins import SamePlace, engine


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BatchJob:
    """Three pages of boxes with lines of different widths, coloured by place."""
    monkeypatch.setattr(registry, "get", lambda name: engine(SamePlace()))
    return make_job(tmp_path, pages=3)


def make_job(folder: Path, pages: int) -> BatchJob:
    (folder / "pages").mkdir(parents=True)
    for number in range(pages):
        write_png(folder / "pages" / f"page {number + 8}.png", box_sketch(96 + 8 * number))
    write_png(folder / "reference.png", box_reference(128))
    return BatchJob(folder / "pages", (folder / "reference.png",), folder / "out")


def run(job: BatchJob) -> dict[str, Any]:
    with ProgressBar() as progress:
        return colorize_batch(job, progress)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.png"))}


def test_natural_order(tmp_path: Path) -> None:
    for name in ("p10.png", "p2.PNG", "p1.png", "notes.txt", ".hidden.png"):
        (tmp_path / name).touch()
    assert [path.name for path in find_pages(tmp_path)] == ["p1.png", "p2.PNG", "p10.png"]


def test_panels_of_comic_pages_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "get", lambda name: with_pages(engine(SamePlace())))
    job = make_job(tmp_path, pages=1)
    write_png(tmp_path / "pages" / "comic.png", draw_page(1, 400, 400, panels=2).sketch())
    record = run(job)
    assert {page["page"]: page["panels"] for page in record["pages"]} == {"comic.png": 2, "page 8.png": None}
    assert "2 pages coloured (2 panels)" in sentence(record)
    assert record["together"] is True


def test_every_page_coloured(job: BatchJob) -> None:
    record = run(job)
    assert [page["page"] for page in record["pages"]] == ["page 8.png", "page 9.png", "page 10.png"]
    assert (record["done"], record["failed"], record["together"]) == (3, 0, True)
    assert read_picture(job.output / "page 10.png").shape == (112, 112, 4)
    assert "3 pages coloured" in sentence(record)
    assert not list(job.output.rglob("*.part"))


def test_finished_pages_are_not_done_again(job: BatchJob, monkeypatch: pytest.MonkeyPatch) -> None:
    run(job)
    before = contents(job.output)
    (job.output / "page 9.png").unlink()
    record = run(job)
    assert (record["done"], record["unchanged"]) == (1, 2)
    assert contents(job.output) == before


def test_other_settings_are_done_again(job: BatchJob) -> None:
    run(job)
    assert run(replace(job, seed=1))["done"] == 3
    assert run(replace(job, seed=1, options=Options(palette_lock=False)))["done"] == 3


def test_result_changed_by_hand_is_kept(job: BatchJob) -> None:
    run(job)
    mine = box_reference(50)
    write_png(job.output / "page 8.png", mine)
    record = run(replace(job, seed=1))
    assert (record["done"], record["kept"]) == (2, 1)
    assert (read_picture(job.output / "page 8.png") == mine).all()
    assert "changed by hand" in sentence(record)


def test_file_that_was_there_before_is_kept(job: BatchJob) -> None:
    job.output.mkdir()
    (job.output / "page 9.png").write_bytes(b"mine")
    assert (run(job)["kept"], (job.output / "page 9.png").read_bytes()) == (1, b"mine")


def test_page_remembered_but_not_written_is_done_again(job: BatchJob) -> None:
    run(job)
    old = contents(job.output)
    changed = run(replace(job, options=Options(palette_lock=False)))
    assert changed["done"] == 3
    for name, content in old.items():  # as if killed after the lines, before the files
        (job.output / name).write_bytes(content)
    again = run(replace(job, options=Options(palette_lock=False)))
    assert again["done"] + again["unchanged"] == 3
    assert again["kept"] == 0


def test_broken_page_is_listed_and_the_rest_coloured(job: BatchJob) -> None:
    (job.folder / "page 9.png").write_bytes(b"no picture")
    record = run(job)
    assert (record["done"], record["failed"]) == (2, 1)
    assert "page 9.png isn't a picture" in record["pages"][1]["error"]
    assert "page 9.png: page 9.png isn't a picture" in sentence(record)
    write_png(job.folder / "page 9.png", box_sketch(104))
    assert run(job)["failed"] == 0


def test_failed_page_is_tried_once_more(job: BatchJob, monkeypatch: pytest.MonkeyPatch) -> None:
    flaky = engine(SamePlace())
    colorize, calls = flaky.colorize, []

    def fail_first(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("a moment of weakness")
        return colorize(*arguments)

    monkeypatch.setattr(flaky, "colorize", fail_first)
    monkeypatch.setattr(registry, "get", lambda name: flaky)
    record = run(replace(job, consistent=False))
    assert (record["done"], record["failed"], len(calls)) == (3, 0, 4)


def test_layers_written(job: BatchJob) -> None:
    record = run(replace(job, layers=True))
    assert [page["output"] for page in record["pages"]] == ["page 8.ora", "page 9.ora", "page 10.ora"]
    assert (job.output / "page 8.ora").read_bytes()[:2] == b"PK"


def test_kept_surveys_are_tidied(job: BatchJob) -> None:
    run(job)
    (job.folder / "page 10.png").unlink()
    run(job)
    assert len(list((job.output / KEPT).glob("*.survey"))) == 2


def test_results_never_replace_pages(job: BatchJob) -> None:
    with pytest.raises(InvalidInput, match="to the folder of the pages"):
        run(replace(job, output=job.folder))
    write_png(job.folder / "page 8.webp", box_sketch(64))
    with pytest.raises(InvalidInput, match="same name for their results"):
        run(job)


def test_nothing_to_colour_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="isn't a folder"):
        find_pages(tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match="contains no pictures"):
        find_pages(tmp_path)


def test_torn_journal_line_is_passed_over(tmp_path: Path) -> None:
    entries = [Entry(f"{name}.png", "k", f"{name}.png", "s") for name in "abc"]
    journal = Journal(tmp_path)
    journal.add(entries[0])
    journal.add(entries[1])
    file = tmp_path / FILE
    file.write_bytes(file.read_bytes()[:-9])
    again = Journal(tmp_path)
    assert list(again.entries) == ["a.png"]
    again.add(entries[2])
    assert list(Journal(tmp_path).entries) == ["a.png", "c.png"]


@pytest.fixture
def killed(tmp_path: Path) -> BatchJob:
    """A batch of five pages killed when two were finished."""
    job = make_job(tmp_path, pages=5)
    command = [sys.executable, "-m", "colorizer", "batch", job.folder, "--reference", job.references[0]]
    batch = subprocess.Popen(
        [*map(str, command), "-o", str(job.output)], env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    journal, deadline = job.output / FILE, time.monotonic() + 240
    while not (journal.is_file() and journal.read_bytes().count(b"\n") >= 2):
        assert batch.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    batch.send_signal(signal.SIGKILL)
    batch.wait()
    return job


def test_killed_batch_goes_on(killed: BatchJob) -> None:
    finished = [json.loads(line)["page"] for line in (killed.output / FILE).read_text().splitlines()]
    for path in killed.output.glob("*.png"):
        read_picture(path)
    record = run(killed)
    assert record["failed"] == 0
    assert (
        record["unchanged"] >= len(finished) - 1 >= 1
    )  # the last may have been remembered but not written yet
    whole = run(replace(killed, output=killed.output.with_name("whole")))
    assert whole["done"] == 5
    assert contents(killed.output) == contents(killed.output.with_name("whole"))
