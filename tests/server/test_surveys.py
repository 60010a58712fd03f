"""Frames of a sequence through the backend's jobs: surveyed once, coloured as all agreed, forgotten when too many."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from colorizer import paths
from colorizer.batch import work
from colorizer.engines.base import ColorizeRequest, Mode, Options, Reference
from colorizer.errors import InvalidInput
from colorizer.imaging.layers import with_lines
from colorizer.imaging.pictures import encode_png
from colorizer.server import bundle, request, run_job, surveys
from drawn import box_mask, box_reference, box_sketch
from engines.match_stand_ins import engine, random_network
from listening import Silent
from PIL import Image
from running_backend import JobBundle

MATCH = engine(random_network())
POOL = (Reference(box_reference()),)


def frame(shift: int) -> ColorizeRequest:
    return ColorizeRequest(np.roll(box_sketch(), shift, 1), POOL, sketch_mask=np.roll(box_mask(), shift, 1))


FRAMES = [frame(shift) for shift in (0, 6, 12)]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLORIZE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def sequence() -> list[str]:
    return [surveys.survey(MATCH, one, "cpu", Silent()) for one in FRAMES]


def colour(number: int, sequence: list[str]):
    return surveys.colorize(MATCH, FRAMES[number], sequence, "cpu", Silent())


def as_page(picture) -> work.Page:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return work.Page("page", stream.getvalue())


def test_colours_are_those_of_a_batch(sequence: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("colorizer.engines.registry.get", lambda _: MATCH)
    setup = work.Setup(
        "match", "", Mode.WHOLE, (as_page(POOL[0].picture),), 0, Options(), "cpu", layers=False
    )
    desk = work.Desk(setup)
    pages = [replace(as_page(one.sketch), mask=as_page(one.sketch_mask).content) for one in FRAMES]
    found = [desk.survey(page) for page in pages]
    pairs = [(0, 1), (0, 2), (1, 2)]
    likeness = {(a, b): np.load(io.BytesIO(desk.compare(found[a], found[b]))) for a, b in pairs}
    agreed = MATCH.agree([MATCH.read_survey(one) for one in found], likeness)
    for number, page in enumerate(pages):
        theirs = desk.colour(page, agreed[number].to_bytes()).content
        ours = encode_png(with_lines(colour(number, sequence).layers, FRAMES[number].sketch))
        assert ours == theirs


def test_a_frame_is_surveyed_once(sequence: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(type(MATCH), "survey")
    assert [surveys.survey(MATCH, one, "cpu", Silent()) for one in FRAMES] == sequence
    assert len(set(sequence)) == 3


def test_frames_are_compared_once(sequence: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    colour(0, sequence)
    monkeypatch.delattr(type(MATCH), "compare")
    colour(2, sequence)


def test_other_settings_are_another_survey(sequence: list[str]) -> None:
    other = replace(FRAMES[0], options=Options(line_gap=0.05))
    assert surveys.survey(MATCH, other, "cpu", Silent()) not in sequence


def test_a_frame_of_no_sequence_is_told(sequence: list[str]) -> None:
    with pytest.raises(InvalidInput, match="isn't one of the frames of its sequence"):
        colour(2, sequence[:2])


def test_a_forgotten_survey_is_told(sequence: list[str]) -> None:
    surveys._file(sequence[1], "survey").unlink()
    with pytest.raises(InvalidInput, match="has been deleted"):
        colour(0, sequence)


def test_the_oldest_surveys_make_room(sequence: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = paths.home() / surveys.FOLDER
    one = max(file.stat().st_size for file in folder.iterdir())
    monkeypatch.setattr(surveys, "KEPT_BYTES", int(one * 2.5))
    surveys.survey(MATCH, frame(20), "cpu", Silent())
    assert not (folder / f"{sequence[0]}.survey").exists()
    assert (folder / f"{sequence[2]}.survey").exists()


class Taken:
    """Keeps what a job gave back."""

    stage = preview = lambda *_: None

    def finish(self, preview: bytes, parts: list, record: dict) -> None:
        self.record, self.layers = record, bundle.read(b"".join(parts)).header["layers"]


def job(task: str, **fields) -> Taken:
    made = JobBundle(width=128, height=128, blobs=[({}, b"")])
    made.blobs.clear()
    made.add("bgra8", 128, 128, box_sketch().tobytes())
    made.add("bgra8", 128, 128, box_reference().tobytes())
    made.request |= {"engine": "match", "task": task, **fields}
    taken = Taken()
    run_job.run(made.encode(), taken)
    return taken


def test_jobs_survey_then_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("colorizer.engines.registry.get", lambda _: MATCH)
    surveyed = job("survey")
    assert surveyed.layers == []
    name = surveyed.record["report"]["survey"]
    assert [layer["name"] for layer in job("colorize", sequence=[name]).layers] == ["Background", "Flats"]


def test_other_engines_refuse_sequences() -> None:
    made = JobBundle()
    made.request["task"] = "survey"
    info = {"name": "scripted", "title": "Scripted", "models": [], "max_side": 99, "modes": ["whole"]}
    info |= {"options": [], "max_references": 2}
    with pytest.raises(request.InvalidRequest, match="it colours every frame independently"):
        request.check_engine(request.read(bundle.read(made.encode())), [info])


def test_survey_names_are_hex_digits() -> None:
    made = JobBundle()
    made.request["sequence"] = ["../" * 21 + "a"]
    with pytest.raises(request.InvalidRequest, match="sequence"):
        request.read(bundle.read(made.encode()))
