"""FLUX.2 klein through the worker's jobs and the command line, in every mode; the artist's files stay as they are."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
import tiny_flux2_klein
from colorizer.engines import registry
from colorizer.engines.base import Mode, Options
from colorizer.headless import Job, colorize_file
from colorizer.imaging.pictures import write_png
from colorizer.progress import ProgressBar
from colorizer.server import run_job
from drawn import box_mask, box_reference, box_sketch, opaque
from running_backend import JobBundle

SIDE = 96
OPTIONS = {"palette_lock": True, "steps": 1, "size": 64}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A user's folder with one tiny model; the registry's own engine finds it."""
    folder = tmp_path_factory.mktemp("home")
    tiny_flux2_klein.make().save_pretrained(folder / "models" / "tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLORIZE_HOME", str(folder))
        registry._make.cache_clear()
        yield folder
    registry._make.cache_clear()


class Listener:
    def __init__(self):
        self.stages, self.record = [], None

    def stage(self, name, done=0, total=1):
        self.stages.append(name)

    def preview(self, picture):
        picture()

    def finish(self, preview, bundle, record):
        self.record = record


def job(mode):
    made = JobBundle()
    sketch, reference = box_sketch(SIDE), box_reference(SIDE)
    swapped = [picture[..., [2, 1, 0, 3]].tobytes() for picture in (sketch, reference)]
    made.request |= {
        "engine": "flux2_klein",
        "mode": mode.value,
        "canvas": {"width": SIDE, "height": SIDE},
        "sketch": {"blob": made.add("bgra8", SIDE, SIDE, swapped[0])},
        "sketch_mask": {"blob": made.add("gray8", SIDE, SIDE, box_mask(SIDE).tobytes())},
        "references": [
            {
                "picture": {"blob": made.add("bgra8", SIDE, SIDE, swapped[1])},
                "mask": {"blob": made.add("gray8", SIDE, SIDE, box_mask(SIDE).tobytes())},
            }
        ],
        "options": OPTIONS,
    }
    return made.encode()


@pytest.mark.parametrize("mode", Mode)
def test_a_job_of_every_mode(home, mode):
    listener = Listener()
    run_job.run(job(mode), listener)
    report = listener.record["report"]
    assert report["steps"] == 1
    assert len(report["sides"]) == (2 if mode is Mode.SPLIT else 1)
    assert len(listener.record["hashes"]["model"]) == 64


@pytest.mark.parametrize("mode", [Mode.WHOLE, Mode.SPLIT])
def test_run_leaves_the_artists_files_as_they_are(home, tmp_path, mode):
    pictures = {"sketch": box_sketch(SIDE), "reference": box_reference(SIDE), "mask": opaque(box_mask(SIDE))}
    for name, picture in pictures.items():
        write_png(tmp_path / f"{name}.png", picture)
    before = {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in tmp_path.glob("*.png")}
    asked = Job(
        tmp_path / "sketch.png",
        (tmp_path / "reference.png",),
        tmp_path / "result.ora",
        engine="flux2_klein",
        mode=mode,
        sketch_mask=tmp_path / "mask.png",
        reference_masks=(tmp_path / "mask.png",),
        options=Options(**OPTIONS),
        device="cpu",
    )
    with ProgressBar() as progress:
        records = [colorize_file(asked, progress) for _ in range(2)]
    assert {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in before} == before
    assert (tmp_path / "result.ora").is_file()
    palette = json.dumps(records[0]["report"]["palette"])
    assert palette == json.dumps(records[1]["report"]["palette"])
    assert np.all([len(colour) == 7 for colour in records[0]["report"]["palette"]])
