"""Results as they come over the wire, and the group they become."""

from __future__ import annotations

import pytest

from krita_colorize.core import bundle, result
from krita_colorize.core.bundle import Blob, Format
from krita_colorize.core.port import Pixels
from krita_colorize.core.request import Request
from krita_colorize.core.result import ResultError
from krita_colorize.core.settings import Reference, Settings, Source, SourceKind

SHEET = Reference(Source(SourceKind.FILE, "/x/sheet.png", "sheet.png"))
REQUEST = Request(Source(SourceKind.LAYER, "{s}", "Lines"), 4, 4, Settings(references=(SHEET,), seed=7))
PNG = Blob(Format.PNG, 1, 1, b"\x89PNG")
PICTURE = Blob(Format.BGRA8, 1, 2, b"12345678")
MASK = Blob(Format.GRAY8, 1, 2, b"\x00\xff")


def layer(**changes: object) -> dict:
    base = {"name": "Flats", "role": "figure", "blob": 1, "x": 2, "y": -3, "blend": "normal", "opacity": 1.0}
    return {**base, "clip": False, "mask": {"blob": 2, "name": "Foreground mask"}, **changes}


def read(*layers: object, record: object = None) -> result.Result:
    header = {"preview": 0, "layers": list(layers), "record": {} if record is None else record}
    return result.read(REQUEST, b"".join(bundle.encode(header, [PNG, PICTURE, MASK])))


def test_layers_and_masks_are_placed() -> None:
    (flats,) = read(layer()).layers()
    assert flats.pixels == Pixels(1, 2, b"12345678", 2, -3)
    assert flats.mask == Pixels(1, 2, b"\x00\xff", 2, -3)
    assert flats.mask_name == "Foreground mask"


def test_addition_is_add_in_krita() -> None:
    (light,) = read(layer(blend="addition", clip=True, opacity=0.5, mask=None)).layers()
    assert (light.blend, light.clip, light.opacity, light.mask) == ("add", True, 0.5, None)


def test_group_goes_below_lines_and_above_paper() -> None:
    below, above = read(layer()).group(), read(layer(), record={"sketch_has_paper": True}).group()
    assert (below.above, below.blend) == (False, "normal")
    assert (above.above, above.blend) == (True, "multiply")


def test_light_lines_on_dark_paper_show_through() -> None:
    group = read(layer(), record={"sketch_has_paper": True, "sketch_has_dark_paper": True}).group()
    assert (group.above, group.blend) == (True, "screen")


def test_key_strokes_are_split_for_the_group_only() -> None:
    found = read(layer(role="key_strokes", mask=None))
    (marks,) = found.group().layers
    assert marks.pixels.data == b""
    assert [stroke.colour for stroke in marks.key_strokes] == [0x34333231, 0x38373635]
    assert found.layers()[0].pixels == Pixels(1, 2, b"12345678", 2, -3)
    with pytest.raises(ResultError, match="no picture"):
        read(layer(role="key_strokes", blob=2, mask=None)).group()


def test_title_names_reference_and_seed() -> None:
    assert read().title == "Colorized · sheet.png · seed 7"


def test_panels_come_from_the_report() -> None:
    assert read(record={"report": {"panels": 4}}).panels == 4
    assert read(record={"report": {}}).panels == 0


def test_doubts_come_from_the_report() -> None:
    assert read(record={"report": {"doubtful_regions": 3}}).doubts == 3
    assert read(record={"report": None}).doubts == 0


@pytest.mark.parametrize(
    "broken",
    [7, {}, layer(blend="dissolve"), layer(blob=9), layer(blob=0), layer(x="left"), layer(mask={"blob": 2})],
)
def test_broken_layers_are_refused(broken: object) -> None:
    with pytest.raises(ResultError):
        read(broken).group()


def test_results_without_record_are_refused() -> None:
    with pytest.raises(ResultError):
        read(record=[])
