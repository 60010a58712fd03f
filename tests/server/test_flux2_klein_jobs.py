"""FLUX.2 klein through the real backend and the command line, in every mode; the artist's files stay as they are."""

from __future__ import annotations

import hashlib
import json
import sys

import numpy as np
import pytest
import tiny_flux2_klein
from colorizer.engines import registry
from colorizer.engines.base import Mode, Options
from colorizer.headless import Job, colorize_file
from colorizer.imaging.pictures import write_png
from colorizer.progress import ProgressBar
from drawn import box_mask, box_reference, box_sketch, opaque
from drawn_pages import draw_page
from running_backend import Backend, JobBundle, open_bundle

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


@pytest.fixture(scope="module")
def backend(home):
    running = Backend(home, [sys.executable, "-m", "colorizer", "serve"])
    yield running
    running.close()


def job(mode, sketch, mask=None):
    made = JobBundle()
    height, width = sketch.shape[:2]

    def picture(rgba):
        return {"blob": made.add("bgra8", rgba.shape[1], rgba.shape[0], rgba[..., [2, 1, 0, 3]].tobytes())}

    def plane(values):
        return {"blob": made.add("gray8", values.shape[1], values.shape[0], values.tobytes())}

    made.request |= {
        "engine": "flux2_klein",
        "mode": mode.value,
        "canvas": {"width": width, "height": height},
        "sketch": picture(sketch),
        "sketch_mask": None if mask is None else plane(mask),
        "references": [{"picture": picture(box_reference(SIDE)), "mask": plane(box_mask(SIDE))}],
        "options": OPTIONS,
    }
    return made.encode()


def record(backend, body):
    id_ = backend.submit(body)
    backend.wait_until(lambda: backend.status(id_)["state"] not in ("queued", "running"), timeout_s=240)
    assert backend.status(id_)["state"] == "done", backend.status(id_)
    return open_bundle(backend.get(f"/v1/jobs/{id_}/result").body)[0]["record"]


@pytest.mark.parametrize("mode", Mode)
def test_a_job_of_every_mode(backend, mode):
    made = record(backend, job(mode, box_sketch(SIDE), box_mask(SIDE)))
    assert made["report"]["steps"] == 1
    assert len(made["report"]["sides"]) == (2 if mode is Mode.SPLIT else 1)
    assert len(made["hashes"]["model"]) == 64


def test_a_page_is_drawn_panel_by_panel(backend):
    assert (
        record(backend, job(Mode.WHOLE, draw_page(2, 480, 480, panels=2).sketch()))["report"]["panels"] == 2
    )


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
