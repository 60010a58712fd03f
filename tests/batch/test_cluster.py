"""A batch on the workers of a cluster: the same files as on one machine, also when a worker dies."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from colorizer.batch import cluster
from colorizer.batch.pages import BatchJob
from colorizer.batch.run import colorize_batch
from colorizer.errors import InvalidInput
from colorizer.imaging.pictures import write_png
from colorizer.progress import ProgressBar
from drawn import box_reference, box_sketch

PAGES = 3


@pytest.fixture
def job(tmp_path: Path) -> BatchJob:
    """Boxes of different sizes, as few as two workers can share: each page is matched here and there."""
    (tmp_path / "pages").mkdir()
    for number in range(PAGES):
        write_png(tmp_path / "pages" / f"{number}.png", box_sketch(96 + 8 * number))
    write_png(tmp_path / "reference.png", box_reference(128))
    return BatchJob(tmp_path / "pages", (tmp_path / "reference.png",), tmp_path / "here")


class Killer(threading.Thread):
    """Kills the first worker that is at work."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.killed = 0
        self.over = False

    def run(self) -> None:
        while not (self.killed or self.over):
            for process in psutil.Process().children(recursive=True):
                try:
                    if process.name().startswith("ray::_do"):
                        process.kill()
                        self.killed = process.pid
                        break
                except psutil.Error:
                    continue
            time.sleep(0.05)


@pytest.mark.timeout(900)  # three processes load torch, on a busy machine in a minute or two
def test_same_files_though_a_worker_is_killed(job: BatchJob) -> None:
    pytest.importorskip("ray", reason="Ray isn't installed (extra `cluster`)")
    killer = Killer()
    killer.start()
    with ProgressBar() as progress:
        there = colorize_batch(
            replace(job, output=job.output.with_name("there"), cluster="local", workers=2), progress
        )
        killer.over = True
        here = colorize_batch(job, progress)
    assert killer.killed
    assert (there["done"], there["failed"], here["done"]) == (PAGES, 0, PAGES)
    for page in sorted(job.output.glob("*.png")):
        assert page.read_bytes() == (job.output.with_name("there") / page.name).read_bytes()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1:port"])
def test_cluster_that_does_not_answer_is_told(job: BatchJob, address: str) -> None:
    pytest.importorskip("ray", reason="Ray isn't installed (extra `cluster`)")
    with pytest.raises(InvalidInput, match="doesn't answer"), ProgressBar() as progress:
        colorize_batch(replace(job, cluster=address), progress)


def test_missing_ray_is_told(job: BatchJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(InvalidInput, match=r"krita-colorize\[cluster\]"), ProgressBar() as progress:
        colorize_batch(replace(job, cluster="local"), progress)


def test_a_worker_without_the_model_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(setup: object) -> None:
        raise InvalidInput("No such model.")

    monkeypatch.setattr(cluster, "_desk", refuse)
    assert cluster._do(None, "colour", ()) == cluster.Failure("No such model.")  # type: ignore[arg-type]
