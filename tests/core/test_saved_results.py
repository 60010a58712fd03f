"""Results that were kept: opened again, repaired, and those that an earlier version kept in runs of pixels."""

from __future__ import annotations

from pathlib import Path

import pytest
from colorizer.server import bundle as server_bundle
from colorizer.server import request as server_request

from krita_colorize.core import repair, saved_results
from krita_colorize.core.bundle import Encoding, Placed
from krita_colorize.core.delivered import DeliveredLayer
from krita_colorize.core.port import Pixels
from krita_colorize.core.repair import Seen, State
from krita_colorize.core.request import Pictures, bundle_parts
from krita_colorize.core.saved_results import SavedResult

W, H = 64, 48
UPPER, LOWER = b"\x10\x80\xf0\xff", b"\x03\x02\x01\xff"
FLAT = UPPER * (W * 20) + LOWER * (W * 28)
SKETCH = Pixels(W, H, b"\0\0\0\xff" * W * H)


@pytest.fixture(scope="module")
def kept() -> SavedResult:
    """A result as the version before wrote it."""
    return saved_results.read((Path(__file__).parent / "kept_in_runs.clz").read_bytes())


def test_what_an_earlier_version_kept_opens(kept: SavedResult) -> None:
    assert Encoding.RLE in {packed.encoding for packed in kept.result.bundle.packed}
    (layer,) = kept.result.layers()
    assert layer.pixels == Pixels(W, H, FLAT)
    assert layer.mask == Pixels(W, H, (bytes(10) + b"\xff" * 54) * H)
    assert kept.base.get("sketch") == SKETCH


def test_what_an_earlier_version_kept_can_be_repaired(kept: SavedResult) -> None:
    now = Seen({"figure": Pixels(W, H, FLAT)}, {"figure": Pixels(W, H, b"\xff" * W * H)})
    pictures = Pictures(SKETCH, references=((SKETCH, None),))
    plan = repair.plan([State(kept.result, kept.base)], kept.result.request, pictures, now)
    sent = server_bundle.read(b"".join(bundle_parts(kept.result.request, plan.pictures)))
    (state,) = server_request.read(sent).redo.states
    assert [layer.role for layer in state.layers] == ["figure"]
    assert "rle" not in {blob.info.encoding for blob in sent.blobs}


def test_repaired_results_open_again(kept: SavedResult) -> None:
    other = Pixels(W, H, LOWER * W * H)
    changed = {"figure": DeliveredLayer("figure", Placed.of(other))}
    result = saved_results.with_delivered(kept.result, changed, b"a preview")
    again = SavedResult(result, kept.base, kept.document, kept.made, kept.group_id)
    found = saved_results.read(b"".join(bytes(part) for part in again.parts()))
    (layer,) = found.result.layers()
    assert (layer.pixels, layer.mask, layer.mask_name) == (
        other,
        kept.result.layers()[0].mask,
        "Foreground mask",
    )
    assert (found.result.preview_png, found.result.palette) == (b"a preview", kept.result.palette)
    assert found.result.check_mask() == kept.result.check_mask()
    assert (found.document, found.made, found.group_id) == (kept.document, kept.made, kept.group_id)
