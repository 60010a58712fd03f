"""A folder of pages through a small ColorFlow: from its pool, resumed, the same bytes as page by page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from colorizer.batch.pages import BatchJob
from colorizer.batch.run import colorize_batch
from colorizer.engines import registry
from colorizer.engines.base import ColorizeRequest, Options, Reference
from colorizer.evaluation.report import Silent
from colorizer.imaging.layers import with_lines
from colorizer.imaging.pictures import read_picture, write_png
from colorizer.progress import Progress
from drawn import box_reference, box_sketch

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
    with Progress() as progress:
        record = colorize_batch(job, progress)
        again = colorize_batch(job, progress)
    assert (record["done"], record["together"], again["unchanged"]) == (2, False, 2)
    sketch = read_picture(job.folder / "1.png")
    pool = tuple(Reference(read_picture(path)) for path in job.references)
    single = registry.get("colorflow").colorize(ColorizeRequest(sketch, pool, options=job.options), Silent())
    assert np.array_equal(read_picture(job.output / "1.png"), with_lines(single.layers, sketch))
