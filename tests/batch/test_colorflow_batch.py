"""A folder of pages through a small ColorFlow: from its pool, resumed, the same bytes as page by page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from colorizer.batch.pages import BatchJob
from colorizer.batch.run import colorize_batch
from colorizer.engines import registry
from colorizer.engines.base import ColorizeRequest, Options, Reference
from colorizer.imaging.layers import with_lines
from colorizer.imaging.pictures import read_picture, write_png
from colorizer.progress import ProgressBar
from colorizer_lab.evaluation.benchmarks import Layout
from colorizer_lab.evaluation.sequences import evaluate_sequences
from colorizer_lab.evaluation.tables import COLUMNS, Benchmark, measure
from colorizer_lab.silent import Silent
from drawn import box_reference, box_sketch
from engines.match_stand_ins import SamePlace
from engines.match_stand_ins import engine as match_engine
from evaluation.corpora import write_corpus

pytest.importorskip("diffusers", reason="the diffusion packages aren't installed (extra `diffusion`)")


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BatchJob:
    """Two pages, three references and a tiny model."""
    from colorizer.engines.colorflow.engine import ColorFlowEngine
    from engines import tiny_colorflow

    (tmp_path / "models" / "sketch").mkdir(parents=True)
    tiny_colorflow.make_pixart().save(tmp_path / "models" / "sketch")
    engine = ColorFlowEngine(tmp_path / "models")
    monkeypatch.setattr(registry, "get", lambda name: engine)
    (tmp_path / "pages").mkdir()
    for number in range(2):
        write_png(tmp_path / "pages" / f"{number}.png", box_sketch(80 + 16 * number))
    references = [tmp_path / f"reference {number}.png" for number in range(3)]
    for number, path in enumerate(references):
        write_png(path, box_reference(64 + 8 * number))
    options = Options(steps=2, size=64, palette_lock=False)
    return BatchJob(
        tmp_path / "pages", tuple(references), tmp_path / "out", engine="colorflow", options=options
    )


def test_pages_from_one_pool(job: BatchJob, monkeypatch: pytest.MonkeyPatch) -> None:
    with ProgressBar() as progress:
        record = colorize_batch(job, progress)
        again = colorize_batch(job, progress)
    assert (record["done"], record["together"], again["unchanged"]) == (2, False, 2)
    sketch = read_picture(job.folder / "1.png")
    pool = tuple(Reference(read_picture(path)) for path in job.references)
    single = registry.get("colorflow").colorize(ColorizeRequest(sketch, pool, options=job.options), Silent())
    assert np.array_equal(read_picture(job.output / "1.png"), with_lines(single.layers, sketch))


def test_figures_of_a_small_model(job: BatchJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Consistency on sequences and the papers' table, match beside it in the same run."""
    engines = {"colorflow": registry.get("colorflow"), "match": match_engine(SamePlace())}
    monkeypatch.setattr(registry, "get", engines.get)
    corpus = write_corpus(tmp_path / "corpus")
    figures = evaluate_sequences(corpus, "colorflow", model="sketch", options=job.options)
    assert figures["mean"].keys() == {"truth", "match", "frame_by_frame"}
    chapter = tmp_path / "benchmark" / "one"
    for part, picture in (("reference", "r"), ("page", "s"), ("original", "t")):
        (chapter / part).mkdir(parents=True)
        (corpus / f"{picture}.png").rename(chapter / part / "1.png")
    asked = Benchmark(chapter.parent, Layout.COLORFLOW, "colorflow", "sketch", job.options)
    rows = measure(asked, ["match"])
    assert rows["mean"].keys() == rows["beside"][0]["mean"].keys() == set(COLUMNS)
    assert rows["mean"]["psnr"] < rows["beside"][0]["mean"]["psnr"], "its weights are random"
