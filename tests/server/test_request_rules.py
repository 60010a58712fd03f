"""One test for each rule of a job's header; the sentence names the field."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from colorizer.errors import ColorizerError
from colorizer.server import bundle, request
from running_backend import JobBundle

ENGINE = {
    "name": "scripted",
    "title": "Scripted",
    "modes": ["whole", "split"],
    "max_references": 2,
    "max_side": 4096,
    "models": [{"name": "quick"}],
}


def check(made: JobBundle) -> request.JobRequest:
    found = request.read(bundle.read(made.encode()))
    request.check_engine(found, [ENGINE])
    return found


def changed(path: str, value: Any) -> JobBundle:
    made = copy.deepcopy(JobBundle())
    *parents, last = path.split(".")
    target: Any = made.request
    for part in parents:
        target = target[int(part) if part.isdigit() else part]
    target[last] = value
    return made


def test_good_request_passes() -> None:
    found = check(changed("options.line_gap", 0))
    assert (found.engine, found.options.steps, found.options.line_gap) == ("scripted", 20, 0)


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        ("api", 2, "request.api"),
        ("task", "paint", "request.task"),
        ("mode", "all", "request.mode"),
        ("model", "big", "no model 'big'"),
        ("seed", -1, "request.seed"),
        ("seed", 1.5, "request.seed"),
        ("seed", True, "request.seed"),
        ("seed", "1", "request.seed"),
        ("seed", 2**63, "request.seed"),
        ("extra", 1, "request.extra"),
        ("options.extra", 1, "request.options.extra"),
        ("options.line_gap", 0.2, "request.options.line_gap"),
        ("options.steps", 0, "request.options.steps"),
        ("options.size", 20_000, "request.options.size"),
        ("options.palette_lock", 1, "request.options.palette_lock"),
        ("canvas.width", 0, "request.canvas.width"),
        ("canvas.depth", 1, "request.canvas.depth"),
        ("canvas.width", 5000, "up to 4096 px"),
        ("sketch", None, "request.sketch"),
        ("sketch.blob", 2, "request.sketch.blob"),
        ("sketch.blob", -1, "request.sketch.blob"),
        ("sketch.x", 2**40, "request.sketch.x"),
        ("sketch_mask", {"blob": 9}, "request.sketch_mask.blob"),
        ("background", {"blob": 9}, "request.background.blob"),
        ("references", [], "at least one reference"),
        ("references", [{"picture": {"blob": 1}}] * 3, "up to 2 references, not 3"),
        ("references", [{"picture": {"blob": 1}}] * 17, "request.references"),
        ("references.0.mask", {"blob": 7}, "references.0.mask.blob"),
        ("references.0.picture.path", "/etc/passwd", "references.0.picture.path"),
        ("engine", "", "request.engine"),
        ("engine", "../match", "There is: scripted"),
    ],
)
def test_broken_rule_is_named(path: str, value: Any, word: str) -> None:
    with pytest.raises(ColorizerError) as caught:
        check(changed(path, value))
    assert word in str(caught.value)
    assert caught.value.code in ("invalid_request", "unknown_engine")


def test_huge_canvas_is_too_large() -> None:
    with pytest.raises(ColorizerError) as caught:
        check(changed("canvas.width", 16_385))
    assert caught.value.code == "too_large"


def test_did_you_mean() -> None:
    with pytest.raises(ColorizerError, match="Did you mean 'scripted'"):
        check(changed("engine", "scriptd"))


def test_pictures_are_no_masks() -> None:
    made = JobBundle()
    made.request["sketch"]["blob"] = made.add("gray8", 8, 6, bytes(48))
    with pytest.raises(ColorizerError, match="must be bgra8 or png"):
        check(made)


def test_masks_need_no_reference() -> None:
    made = changed("task", "mask")
    made.request["references"] = []
    assert check(made).task == "mask"


def test_unknown_header_fields_are_refused() -> None:
    made = JobBundle(extra={"layers": []})
    with pytest.raises(ColorizerError, match="`layers`"):
        check(made)


@pytest.mark.parametrize("task", ["colorize", "mask"])
def test_modes_are_the_engines(task: str) -> None:
    made = changed("mode", "background")
    made.request["task"] = task
    with pytest.raises(ColorizerError, match="has the modes whole, split, not 'background'"):
        check(made)
