"""Which layers can be coloured, what the sketch follows, what was dropped."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace

import pytest

from krita_colorize.core import layers
from krita_colorize.core.port import SELECTION_ID, Kind, LayerInfo, NewGroup, NewLayer, Pixels
from krita_colorize.core.settings import Reference, Settings, Source, SourceKind


def info(name: str, kind: Kind = Kind.PAINT, depth: int = 0) -> LayerInfo:
    return LayerInfo("{" + name + "}", name, kind, depth, visible=True)


STACK = [
    info("Lines"),
    info("Colorized · a · seed 0", Kind.GROUP),
    info("Flats", depth=1),
    info("Foreground mask", Kind.MASK, depth=2),
    info("Sheet"),
    info("Sheet mask"),
    info("Blur", Kind.OTHER),
]
USED = Settings(references=(Reference(Source(SourceKind.LAYER, "{Sheet}", "Sheet"), "{Sheet mask}"),))


def kra(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(
            "maindoc.xml", f'<DOC xmlns="urn:x"><IMAGE><layers><layer name="{name}"/></layers></IMAGE></DOC>'
        )
    return file.getvalue()


def test_results_masks_and_filters_are_not_coloured() -> None:
    assert [layer.name for layer in layers.colourable(STACK)] == ["Lines", "Sheet", "Sheet mask"]


def test_sketch_follows_to_pictures_only() -> None:
    assert layers.follows(STACK, "{Lines}", {})
    used = {"{Lines}": USED}
    assert not any(
        layers.follows(STACK, key, used) for key in ("{Flats}", "{Sheet}", "{Sheet mask}", "{Blur}", None)
    )
    assert layers.follows(STACK, "{Sheet}", {"{gone}": USED})
    assert not layers.follows(STACK, SELECTION_ID, {})


def test_what_the_docker_made_is_no_sketch() -> None:
    stack = [
        LayerInfo("{1}", "Hints of mine", Kind.PAINT, 0, visible=True, ours=True),
        LayerInfo("{2}", "Renamed", Kind.GROUP, 0, visible=True, ours=True),
        info("Flats", depth=1),
        info("Lines"),
    ]
    assert not any(layers.follows(stack, key, {}) for key in ("{1}", "{2}", "{Flats}"))
    assert layers.follows(stack, "{Lines}", {})


def test_new_layers_have_other_names_than_the_artists() -> None:
    nothing = Pixels(0, 0, b"")
    group = NewGroup("Colorized", (NewLayer("Lines", nothing), NewLayer("Flats", nothing)))
    named = [layer.name for layer in layers.named_apart(group, STACK).layers]
    assert named == ["Colours · Lines", "Flats"]


def test_a_layer_that_is_no_sketch_leads_to_its_own() -> None:
    two = {"{Lines}": Settings(), "{Sheet}": replace(USED, hints="{Flats}")}
    assert layers.owner(STACK, "{Flats}", two) == "{Sheet}"
    assert layers.owner(STACK, "{Sheet mask}", {"{Lines}": USED}) == "{Lines}"
    assert layers.owner(STACK, "{Blur}", {"{gone}": USED, "{Lines}": USED}) == "{Lines}"
    assert layers.owner(STACK, "{Blur}", {"{Lines}": Settings()}) is None


def test_dropped_layer_is_known_by_its_name() -> None:
    found = layers.dropped_layer(STACK, None, kra("Sheet"))
    assert found is not None
    assert found.id == "{Sheet}"


def test_active_layer_wins_among_equal_names() -> None:
    twins = [info("Ink"), LayerInfo("{2}", "Ink", Kind.PAINT, 0, visible=True)]
    assert layers.dropped_layer(twins, "{2}", kra("Ink")) == twins[1]
    assert layers.dropped_layer(twins, None, kra("Ink")) is None


def test_rubbish_drops_are_nobody() -> None:
    assert layers.dropped_layer(STACK, None, b"PK rubbish") is None
    assert layers.dropped_layer(STACK, None, b"") is None


@pytest.mark.parametrize(
    ("sketch", "group", "name"),
    [
        ("paper", NewGroup("Colorized · cat · seed 3", ()), "Colorized behind Paper · cat · seed 3"),
        ("paper", NewGroup("Colorized", (), "multiply", above=True), "Colorized over Paper"),
        ("ink", NewGroup("Colorized", ()), "Colorized"),
        ("ink", NewGroup("Colorized", (), above=True), "Colorized"),
        ("lowest", NewGroup("Colorized", ()), "Colorized behind Lowest"),
    ],
)
def test_a_group_that_does_not_lie_below_its_lines_says_where(
    sketch: str, group: NewGroup, name: str
) -> None:
    stack = [
        LayerInfo("ink", "Ink", Kind.PAINT, 0, visible=True),
        LayerInfo("folder", "Folder", Kind.GROUP, 0, visible=True),
        LayerInfo("upper", "Upper", Kind.PAINT, 1, visible=True),
        LayerInfo("lowest", "Lowest", Kind.PAINT, 1, visible=True),
        LayerInfo("mask", "Mask", Kind.MASK, 2, visible=True),
        LayerInfo("paper", "Paper", Kind.PAINT, 0, visible=True),
    ]
    assert layers.named_by_place(group, stack, sketch).name == name


@pytest.mark.parametrize(
    ("hidden", "seen"),
    [("", "yes"), ("Ink", "yes"), ("Outer", "no"), ("Inner", "no"), ("Flats", "no"), ("Light", "yes")],
)
def test_a_layer_in_a_hidden_group_is_not_visible(hidden: str, seen: str) -> None:
    names = [("Ink", 0), ("Outer", 0), ("Light", 1), ("Inner", 1), ("Light", 2), ("Flats", 2)]
    stack = [replace(info(name, depth=depth), visible=name != hidden) for name, depth in names]
    assert layers.is_visible(stack, "{Flats}") == (seen == "yes")
    assert not layers.is_visible(stack, "{gone}")
