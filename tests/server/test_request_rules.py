"""One test for each rule of a job's header; the sentence names the field."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from colorizer.errors import ColorizerError
from colorizer.server import bundle, request
from running_backend import JobBundle, bundle_of, edit_bundle

ENGINE = {
    "name": "scripted",
    "title": "Scripted",
    "modes": ["whole", "split"],
    "max_references": 2,
    "max_side": 4096,
    "models": [{"name": "quick"}],
}


SPOT = {"x": 0, "y": 0, "reference": 0, "reference_x": 0, "reference_y": 0}
NOW = {"role": "figure", "pixels": {"blob": 0}}
REDO = {"states": [{"layers": [NOW]}], "layers": [NOW]}


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
    assert (found.engine, found.options.steps, found.options.line_gap) == ("scripted", 0, 0)


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        ("api", 1, "request.api"),
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
        ("options.steps", -1, "request.options.steps"),
        ("options.size", 20_000, "request.options.size"),
        ("options.palette_lock", 1, "request.options.palette_lock"),
        ("options.colorize_mask", "yes", "request.options.colorize_mask"),
        ("options.colour_paper", "yes", "request.options.colour_paper"),
        ("canvas.width", 0, "request.canvas.width"),
        ("canvas.depth", 1, "request.canvas.depth"),
        ("canvas.width", 5000, "up to 4096 px"),
        ("sketch", None, "request.sketch"),
        ("sketch.blob", 2, "request.sketch.blob"),
        ("sketch.blob", -1, "request.sketch.blob"),
        ("sketch.x", 2**40, "request.sketch.x"),
        ("sketch_mask", {"blob": 9}, "request.sketch_mask.blob"),
        ("background", {"blob": 9}, "request.background.blob"),
        ("references", [], "`request.references`: There is no reference"),
        ("references", [{"picture": {"blob": 1}}] * 3, "up to 2 references, not 3"),
        ("references", [{"picture": {"blob": 1}}] * 17, "request.references"),
        ("references.0.mask", {"blob": 7}, "references.0.mask.blob"),
        ("references.0.picture.path", "/etc/passwd", "references.0.picture.path"),
        ("engine", "", "request.engine"),
        ("hints", {"blob": 9}, "request.hints.blob"),
        ("bindings", [{}], "request.bindings.0"),
        ("bindings", [SPOT | {"x": 8}], "`request.bindings`: Binding 1 lies outside of the canvas"),
        ("bindings", [SPOT | {"y": 6}], "Binding 1 lies outside of the canvas"),
        ("bindings", [SPOT | {"reference": 1}], "Binding 1 names a reference that doesn't exist"),
        ("bindings", [SPOT, SPOT | {"reference_x": 1}], "Binding 2 lies outside of its reference"),
        ("bindings", [SPOT | {"reference_y": -1}], "request.bindings.0.reference_y"),
        ("bindings", [SPOT] * 257, "request.bindings"),
        ("corrections", [{"x": 8, "y": 0, "colour": None}], "Correction 1 lies outside of the canvas"),
        ("corrections", [{"x": 0, "y": 0}], "request.corrections.0.colour"),
        ("corrections", [{"x": 0, "y": 0, "colour": "red"}], "request.corrections.0.colour"),
        ("swaps", [{"from": "red", "to": "#000000"}], "request.swaps.0.from"),
        ("swaps", [{"from": "#000000", "to": "#00000G"}], "request.swaps.0.to"),
        ("swaps", [{"before": "#000000", "after": "#000001"}], "request.swaps.0"),
        ("swaps", [{"from": "#000000", "to": "#000001"}] * 2, "can be replaced only once"),
        ("redo", REDO | {"layers": []}, "request.redo.layers"),
        ("redo", REDO | {"states": []}, "request.redo.states"),
        ("redo", REDO | {"selection": {"blob": 9}}, "request.redo.selection.blob"),
        ("redo", REDO | {"layers": [NOW | {"pixels": {"blob": 9}}]}, "redo.layers.0.pixels.blob"),
        ("redo", REDO | {"layers": [NOW | {"role": "mask"}]}, "redo.layers.0.role"),
        ("redo", REDO | {"layers": [NOW] * 2}, "give each role once"),
        ("redo", REDO | {"states": [{"layers": [NOW] * 2}]}, "states.0.layers`: give each role once"),
        ("redo", REDO | {"states": [{"layers": [{"role": "figure"}]}]}, "a delivered layer must have pixels"),
        ("redo", REDO | {"states": [{"layers": [NOW | {"mask": {"blob": 9}}]}]}, "states.0.layers.0.mask"),
        (
            "redo",
            REDO | {"states": [{"layers": [NOW], "made_from": {"hints": {"blob": 9}}}]},
            "states.0.made_from.hints.blob",
        ),
        ("engine", "../match", "Choose one of: scripted"),
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


SWAP = {"from": "#000001", "to": "#000002"}
LAYER = {"role": "figure", "pixels": {"blob": 0}}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"swaps": []}, "`edit.swaps`"),
        ({"swaps": [SWAP, SWAP]}, "can be replaced only once"),
        ({"layers": [LAYER, LAYER]}, "each role once"),
        ({"layers": [{"role": "figure", "pixels": {"blob": 1}}]}, "there are 1 blobs, not 2"),
        ({"layers": [{"role": "shading", "pixels": {"blob": 0}}]}, "`edit.layers.0.role`"),
        ({"api": 1}, "docker is older"),
    ],
)
def test_rules_of_palette_edits(changes: dict, words: str) -> None:
    with pytest.raises(ColorizerError, match=words):
        request.read_edit(bundle.read(edit_bundle(2, 1, bytes(8), **changes)))


def test_palette_edits_change_no_masks() -> None:
    edit = {"api": request.API, "canvas": {"width": 9, "height": 9}, "layers": [LAYER], "swaps": [SWAP]}
    mask = {"format": "gray8", "width": 2, "height": 1, "encoding": "raw", "bytes": 2}
    with pytest.raises(ColorizerError, match="must be bgra8 or png"):
        request.read_edit(bundle.read(bundle_of({"edit": edit, "blobs": [mask]}, bytes(2))))


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


@pytest.mark.parametrize(
    ("spoken", "older"), [(0, "docker is older"), (2, "docker is older"), (4, "colour engine is older")]
)
def test_other_wires_are_told_apart(spoken: int, older: str) -> None:
    made = changed("api", spoken)
    made.request["engine"] = {"what": "a later wire may say"}
    with pytest.raises(ColorizerError, match=f"uses version {spoken} of the protocol.* {older}"):
        check(made)
