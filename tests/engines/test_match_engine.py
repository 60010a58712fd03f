"""The match engine through its door: modes, masks, layers, exact colours, sentences."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from colorizer.engines.base import ColorizeRequest, Layer, Mode, Options, Reference, Result, Role
from colorizer.engines.match import readout
from colorizer.engines.match.engine import MatchEngine
from colorizer.engines.match.network import MatchNetwork
from colorizer.engines.match.painting import cover
from colorizer.errors import (
    Cancelled,
    ColorizerError,
    InvalidInput,
    MissingModel,
    NothingToColour,
    UnknownEngine,
)
from colorizer.imaging import color
from colorizer.imaging.layers import flatten
from drawn import BLUE, GREEN, RED, YELLOW, blank, box_mask, box_reference, box_sketch
from engines.match_stand_ins import SamePlace, engine, random_network
from hypothesis import given, settings
from hypothesis import strategies as st
from listening import Listener, Silent

FIGURE, GROUND = {RED, GREEN}, {BLUE}
REQUEST = ColorizeRequest(box_sketch(), (Reference(box_reference(), box_mask()),), sketch_mask=box_mask())


def run(request: ColorizeRequest, network: MatchNetwork | None = None) -> Result:
    return engine(network or SamePlace()).colorize(request, Silent())


def colours(layer: Layer) -> set[tuple[int, ...]]:
    """All opaque colours of a layer, also those its mask hides."""
    pixels = layer.pixels[layer.pixels[..., 3] > 0]
    return {tuple(row) for row in color.unpack(np.unique(color.pack(pixels))).tolist()}


def test_colours_come_from_the_same_part() -> None:
    flat = flatten(run(REQUEST).layers, 128, 128)
    assert flat[64, 48].tolist() == [*RED, 255]
    assert flat[64, 80].tolist() == [*GREEN, 255]
    assert flat[8, 8].tolist() == [*BLUE, 255]


@pytest.mark.parametrize(
    ("mode", "names"),
    [
        (Mode.WHOLE, ["Background", "Flats"]),
        (Mode.SPLIT, ["Background", "Flats"]),
        (Mode.FOREGROUND, ["Flats"]),
        (Mode.BACKGROUND, ["Background"]),
    ],
)
def test_layers_of_a_mode(mode: Mode, names: list[str]) -> None:
    layers = run(replace(REQUEST, mode=mode)).layers
    assert [layer.name for layer in layers] == names
    masks = {"Background": "Background mask", "Flats": "Foreground mask"}
    assert all(layer.mask_name == masks[layer.name] for layer in layers)
    assert all(layer.mask is not None and set(np.unique(layer.mask)) <= {0, 255} for layer in layers)


def test_masks_complementary_and_colours_everywhere() -> None:
    background, flats = run(replace(REQUEST, mode=Mode.SPLIT)).layers
    assert background.mask is not None
    assert flats.mask is not None
    assert (background.mask ^ flats.mask == 255).all()
    assert (background.pixels[..., 3] == 255).all()
    assert (flats.pixels[..., 3] == 255).all()


@given(seed=st.integers(0, 10_000), mode=st.sampled_from([Mode.SPLIT, Mode.FOREGROUND, Mode.BACKGROUND]))
@settings(max_examples=25, deadline=None)
def test_no_colour_from_the_other_side(seed: int, mode: Mode) -> None:
    result = run(replace(REQUEST, mode=mode), random_network(seed))
    for layer in result.layers:
        assert colours(layer) <= (FIGURE if layer.role is Role.FOREGROUND else GROUND)


@given(seed=st.integers(0, 10_000), mode=st.sampled_from(Mode), mask=st.booleans())
@settings(max_examples=12, deadline=None)
def test_every_colour_occurs_in_a_reference(seed: int, mode: Mode, *, mask: bool) -> None:
    second = Reference(blank(40, 90, YELLOW))
    request = replace(REQUEST, mode=mode, references=(*REQUEST.references, second))
    result = run(request if mask else replace(request, sketch_mask=None), random_network(seed))
    palette = {tuple(bytes.fromhex(name[1:])) for name in result.report["palette"]}
    assert palette <= FIGURE | GROUND | {YELLOW}
    assert all(colours(layer) <= FIGURE | GROUND | {YELLOW} for layer in result.layers)


def test_unlocked_palette_named_colours() -> None:
    result = run(replace(REQUEST, options=Options(palette_lock=False)))
    assert [layer.name for layer in result.layers] == ["Background", "Colours"]
    assert np.abs(result.layers[1].pixels[64, 48, :3].astype(int) - RED).max() <= 6


def test_hidden_colours_never_leak() -> None:
    reference = box_reference()
    reference[box_mask() == 0] = (255, 0, 255, 0)
    for lock in (True, False):
        request = replace(
            REQUEST, references=(Reference(reference),), mode=Mode.WHOLE, options=Options(palette_lock=lock)
        )
        found = set().union(*(colours(layer) for layer in run(request).layers))
        assert all(red < 240 or green > 20 or blue < 240 for red, green, blue in found)


def test_side_without_reference_left_clear() -> None:
    everything = np.full((128, 128), 255, np.uint8)
    request = replace(REQUEST, mode=Mode.SPLIT, references=(Reference(box_reference(), everything),))
    background, flats = run(request).layers
    assert not background.pixels[..., 3].any()
    assert flats.pixels[..., 3].all()
    assert run(request).report["unpainted_pixels"] == np.count_nonzero(background.mask)


@pytest.mark.parametrize("mask", [None, box_mask()])
def test_cut_out_reference_leaves_background_clear(mask: np.ndarray | None) -> None:
    reference = box_reference()
    reference[box_mask() == 0] = (255, 0, 255, 0)
    background, flats = run(replace(REQUEST, references=(Reference(reference, mask),))).layers
    assert not background.pixels[..., 3].any()
    assert colours(flats) <= FIGURE


def test_missing_masks_predicted() -> None:
    request = replace(REQUEST, mode=Mode.SPLIT, sketch_mask=None, references=(Reference(box_reference()),))
    background, flats = run(request).layers
    assert flats.mask is not None
    assert (flats.mask > 0).mean() == pytest.approx(0.25, abs=0.03)
    assert colours(background) == GROUND


def test_reference_in_the_same_pose_shows_what_is_figure() -> None:
    class Undecided(SamePlace):
        """Everything is figure with probability 0.3, less than regions need that don't touch the edge."""

        def parts(self, grid: int) -> torch.Tensor:
            probabilities = torch.full((self.config.parts,), 0.3 / (self.config.parts - 1))
            probabilities[0] = 0.7
            return probabilities.log().view(1, -1, 1, 1).expand(1, -1, grid, grid)

    mask = box_mask()
    mask[:, 64:] = 0
    request = replace(
        REQUEST, mode=Mode.SPLIT, sketch_mask=None, references=(Reference(box_reference(), mask),)
    )
    flats = run(request, Undecided()).layers[1]
    assert flats.mask is not None
    assert [flats.mask[64, x] for x in (16, 48, 80, 112)] == [0, 255, 0, 0]


@pytest.mark.parametrize("mask", [np.zeros((128, 128), np.uint8), np.zeros((3, 5), np.uint8)])
def test_unpainted_mask_counts_as_none(mask: np.ndarray) -> None:
    with_mask, without = replace(REQUEST, sketch_mask=mask), replace(REQUEST, sketch_mask=None)
    assert (run(with_mask).layers[1].pixels == run(without).layers[1].pixels).all()


def test_mask_of_another_size_stretched() -> None:
    request = replace(REQUEST, sketch_mask=box_mask(64))
    assert (flatten(run(request).layers, 128, 128) == flatten(run(REQUEST).layers, 128, 128)).mean() > 0.97


def test_mask_divides_a_region() -> None:
    mask = box_mask()
    mask[:64] = 0
    flats = run(replace(REQUEST, sketch_mask=mask)).layers[1]
    assert flats.mask is not None
    assert (flats.mask[40, 40], flats.mask[80, 40]) == (0, 255)


def test_background_picture_covers() -> None:
    picture = blank(50, 20, YELLOW)
    background, _ = run(replace(REQUEST, background=picture)).layers
    assert background.pixels.shape == (128, 128, 4)
    assert colours(background) == {YELLOW}
    alone = replace(REQUEST, mode=Mode.BACKGROUND, references=(), background=picture)
    assert [colours(layer) for layer in run(alone).layers] == [{YELLOW}]


def test_cover_keeps_the_middle() -> None:
    stripes = blank(30, 10, RED)
    stripes[:, 10:20, :3] = GREEN
    assert {tuple(pixel) for pixel in cover(stripes, 64, 64).reshape(-1, 4).tolist()} == {(*GREEN, 255)}


@pytest.mark.parametrize("size", [(1200, 60), (40, 1000), (521, 773), (96, 96)])
def test_result_has_the_canvas_size(size: tuple[int, int]) -> None:
    width, height = size
    sketch = blank(width, height)
    sketch[height // 2 - 1 : height // 2 + 2, :, :3] = 0
    for layer in run(replace(REQUEST, sketch=sketch, sketch_mask=None), random_network()).layers:
        assert layer.pixels.shape == (height, width, 4)
        assert layer.mask is not None
        assert layer.mask.shape == (height, width)


def test_evidence_against_colours_of_lines_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    def against_red(anywhere, areas, palette, sizes):
        assert anywhere.shape == areas.shape
        assert set(np.unique(anywhere)) == set(range(len(palette)))
        is_red = torch.from_numpy((palette == RED).all(axis=1))
        return torch.where(is_red, -100.0, 0.0).expand(len(sizes), -1)

    monkeypatch.setattr(readout, "area_evidence", against_red)
    flat = flatten(run(REQUEST).layers, 128, 128)
    assert flat[64, 48].tolist() != [*RED, 255]
    assert flat[64, 80].tolist() == [*GREEN, 255]


def test_absent_parts_are_doubtful() -> None:
    sure = run(REQUEST).report
    unsure = run(REQUEST, SamePlace(null=20.0)).report
    assert sure["doubtful_regions"] == 0
    assert unsure["doubtful_regions"] == unsure["regions"] == 3
    assert unsure["confidence"] < sure["confidence"]


def test_report_is_json() -> None:
    report = json.loads(json.dumps(run(REQUEST).report))
    assert report["regions"] == 3
    assert report["unpainted_pixels"] == 0
    assert set(report["palette"]) == set(color.as_hex(np.array([RED, GREEN, BLUE], np.uint8)))


def test_same_request_same_bytes() -> None:
    network = random_network()
    first, second = run(REQUEST, network), run(REQUEST, network)
    assert [layer.pixels.tobytes() for layer in first.layers] == [
        layer.pixels.tobytes() for layer in second.layers
    ]
    assert first.report == second.report


def test_stages_have_plain_names() -> None:
    listener = Listener()
    engine(SamePlace()).colorize(REQUEST, listener)
    stages = [
        "Finding lines",
        "Finding regions",
        "Reading the reference",
        "Matching colours",
        "Painting layers",
    ]
    assert list(dict.fromkeys(listener.names)) == stages
    assert listener.previews[0].shape == (128, 128, 4)


@pytest.mark.parametrize("stage", ["Finding lines", "Finding regions", "Matching colours", "Painting layers"])
def test_cancel_at_any_stage(stage: str) -> None:
    listener = Listener(stage)
    with pytest.raises(Cancelled):
        engine(SamePlace()).colorize(REQUEST, listener)
    assert listener.names[-1] == stage


def test_inputs_not_touched() -> None:
    copies = [REQUEST.sketch.copy(), REQUEST.references[0].picture.copy(), box_mask()]
    run(REQUEST)
    for copy, now in zip(
        copies, [REQUEST.sketch, REQUEST.references[0].picture, REQUEST.sketch_mask], strict=True
    ):
        assert (copy == now).all()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"references": ()}, InvalidInput, "no reference"),
        ({"references": REQUEST.references * 17}, InvalidInput, "up to 16 references, not 17"),
        ({"references": (Reference(np.zeros((9, 9, 4), np.uint8)),)}, InvalidInput, "Reference 1 is empty"),
        ({"background": np.zeros((9, 9, 4), np.uint8)}, InvalidInput, "background picture is empty"),
        ({"model": "huge"}, UnknownEngine, 'no model "huge"'),
        ({"sketch": blank(128, 128)}, NothingToColour, "no lines"),
    ],
)
def test_wrong_requests_told(change: dict[str, object], error: type[ColorizerError], words: str) -> None:
    with pytest.raises(error, match=words):
        run(replace(REQUEST, **change))


def test_missing_weights_told(tmp_path: Path) -> None:
    missing = MatchEngine(tmp_path)
    assert missing.weights() is None
    assert not missing.info.models[0].installed
    with pytest.raises(MissingModel, match="weights are missing"):
        missing.load("cpu")


@pytest.mark.parametrize("broken", ["config.json", "model.safetensors"])
def test_damaged_weights_told(tmp_path: Path, broken: str) -> None:
    random_network().save_pretrained(tmp_path)
    (tmp_path / broken).write_bytes(b"{}")
    with pytest.raises(MissingModel, match="can't be read"):
        MatchEngine(tmp_path).load("cpu")


def test_saved_weights_loaded(tmp_path: Path) -> None:
    random_network().save_pretrained(tmp_path)
    made = MatchEngine(tmp_path)
    made.load("cpu")
    assert made.weights() == tmp_path / "model.safetensors"
    assert made.info.models[0].installed
    assert made.colorize(REQUEST, Silent()).report["regions"] == 3


def kinds(result: Result) -> list[str]:
    assert result.check is not None
    return [place.kind.value for place in result.check.places]


def test_doubtful_regions_are_to_be_checked() -> None:
    assert kinds(run(REQUEST)) == []
    unsure = run(REQUEST, SamePlace(null=20.0))
    assert kinds(unsure) == ["doubtful"] * 3
    assert unsure.check is not None
    assert unsure.check.mask.all()


def test_only_what_the_mode_colours_is_checked() -> None:
    unsure = run(replace(REQUEST, mode=Mode.FOREGROUND), SamePlace(null=20.0))
    assert kinds(unsure) == ["doubtful"] * 2
    assert unsure.check is not None
    assert ((unsure.check.mask > 0) == (unsure.layers[0].mask > 0)).all()


def test_region_on_both_sides_of_the_mask_may_leak() -> None:
    mask = box_mask()
    mask[:50] = 0
    assert kinds(run(replace(REQUEST, sketch_mask=mask))) == ["leak", "leak"]


@pytest.mark.parametrize(("mode", "found"), [(Mode.BACKGROUND, ["unpainted"]), (Mode.SPLIT, [])])
def test_what_was_asked_for_and_stayed_clear_is_to_be_checked(mode: Mode, found: list[str]) -> None:
    everything = Reference(box_reference(), np.full((128, 128), 255, np.uint8))
    assert kinds(run(replace(REQUEST, references=(everything,), mode=mode))) == found


def test_style_detail_adds_shading_where_the_reference_has_it() -> None:
    flat = run(replace(REQUEST, options=Options(style_detail=True)))
    assert [layer.name for layer in flat.layers] == ["Background", "Flats"]
    reference = box_reference(256)
    soft = np.linspace(1, 0.7, 256)[:, None, None]
    reference[..., :3] = np.rint(reference[..., :3] * soft)
    request = replace(REQUEST, references=(Reference(reference, box_mask(256)),))
    shaded = run(replace(request, options=Options(style_detail=True)))
    assert [layer.name for layer in shaded.layers[:3]] == ["Background", "Flats", "Shading"]
    assert (shaded.layers[2].pixels[..., 3] == shaded.layers[1].mask).all()
    assert [layer.name for layer in run(request).layers] == ["Background", "Flats"]
    assert shaded.report["unpainted_pixels"] == 0
