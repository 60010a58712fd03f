"""The two sides share no code; here each reads what the other writes."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from colorizer.engines.base import Blend, Layer, Result, Role
from colorizer.server import bundle, packing, pixels, request, run_edit, run_job
from colorizer.server.bundle import BlobInfo
from hypothesis import given
from hypothesis import strategies as st

from krita_colorize.core import bundle as docker_bundle
from krita_colorize.core import edit_request, modes, sse
from krita_colorize.core import request as docker_request
from krita_colorize.core import result as docker_result
from krita_colorize.core.bundle import Placed
from krita_colorize.core.delivered import DeliveredLayer
from krita_colorize.core.edits import Binding, Swap
from krita_colorize.core.port import Pixels
from krita_colorize.core.settings import Reference, Settings, Source, SourceKind

HEADERS = st.dictionaries(
    st.text().filter(lambda key: key != "blobs"),
    st.none() | st.integers(-(2**63), 2**63) | st.text() | st.booleans(),
)
SOURCE = Source(SourceKind.LAYER, "{1}", "Ink")


@st.composite
def pictures(draw: st.DrawFn, channels: int | None = None) -> Pixels:
    width, height = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    length = width * height * (channels or draw(st.sampled_from([1, 4])))
    data = draw(st.binary(min_size=length, max_size=length) | st.just(bytes(length)))
    return Pixels(width, height, data, draw(st.integers(-99, 99)), draw(st.integers(-99, 99)))


@given(HEADERS, st.lists(pictures(), max_size=4))
def test_server_reads_what_the_docker_writes(header: dict, sent: list[Pixels]) -> None:
    blobs = [docker_bundle.Blob.from_pixels(picture) for picture in sent]
    found = bundle.read(b"".join(docker_bundle.encode(header, blobs)))
    assert {key: found.header[key] for key in header} == header
    for picture, blob in zip(sent, found.blobs, strict=True):
        decoded = pixels.decode(blob)
        order = [2, 1, 0, 3]
        ours = decoded if decoded.ndim == 2 else decoded[..., order]
        assert ours.tobytes() == picture.data


@given(HEADERS, st.lists(pictures(), max_size=4), st.sampled_from(["raw", "deflate"]))
def test_docker_reads_what_the_server_writes(header: dict, sent: list[Pixels], encoding: str) -> None:
    blobs = [server_blob(picture, encoding) for picture in sent]
    found = docker_bundle.decode(b"".join(bundle.write(header, blobs)))
    assert {key: found.header[key] for key in header} == header
    assert [found.blob(number).data for number in range(len(sent))] == [picture.data for picture in sent]


@given(pictures(), st.integers(1, 20))
def test_docker_reads_the_servers_flats(small: Pixels, scale: int) -> None:
    shape = (small.height, small.width, small.channels)
    flat = np.frombuffer(small.data, np.uint8).reshape(shape).repeat(scale, axis=0).repeat(scale, axis=1)
    swapped = flat[..., 0] if small.channels == 1 else flat[..., [2, 1, 0, 3]]
    parts = bundle.write({}, [pixels.encode(np.ascontiguousarray(swapped))])
    assert docker_bundle.decode(b"".join(parts)).blob(0).data == flat.tobytes()


def server_blob(picture: Pixels, encoding: str) -> tuple[BlobInfo, bytes]:
    data = zlib.compress(picture.data, 1) if encoding == "deflate" else picture.data
    info = BlobInfo(
        format="gray8" if picture.channels == 1 else "bgra8",
        width=picture.width,
        height=picture.height,
        encoding=encoding,
        bytes=len(data),
    )
    return info, data


@given(
    pictures(channels=4),
    pictures(),
    pictures(channels=4),
    st.sampled_from(list(modes.Mode)),
    st.integers(0, 2**31 - 1),
)
def test_server_accepts_the_dockers_jobs(sketch, mask, reference, mode, seed: int) -> None:
    made = docker_request.Request(
        SOURCE, 99, 88, Settings(mode=mode, seed=seed, references=(Reference(SOURCE),))
    )
    sent = docker_request.Pictures(sketch, mask, ((reference, None),), background=reference)
    read = bundle.read(b"".join(docker_request.bundle_parts(made, sent)))
    found = request.read(read)
    assert (found.mode, found.seed, found.canvas.width) == (mode.value, seed, 99)
    assert (found.sketch.x, found.sketch.y) == (sketch.x, sketch.y)
    inputs = run_job.decode_inputs(found, read)
    assert inputs.sketch.shape == (88, 99, 4)
    assert inputs.references[0].picture[..., [2, 1, 0, 3]].tobytes() == reference.data


def test_server_accepts_the_dockers_mask_jobs() -> None:
    made = docker_request.Request(SOURCE, 2, 1, task=docker_request.Task.MASK)
    parts = docker_request.bundle_parts(made, docker_request.Pictures(Pixels(2, 1, bytes(8))))
    assert request.read(bundle.read(b"".join(parts))).task == "mask"


@pytest.mark.parametrize("task", [docker_request.Task.SURVEY, docker_request.Task.COLORIZE])
def test_server_accepts_the_dockers_sequences(task) -> None:
    names = ("0" * 64, "f" * 64)
    made = docker_request.Request(SOURCE, 2, 1, task=task, sequence=names)
    parts = docker_request.bundle_parts(made, docker_request.Pictures(Pixels(2, 1, bytes(8))))
    found = request.read(bundle.read(b"".join(parts)))
    assert (found.task, tuple(found.sequence)) == (task.value, names)
    assert docker_request.Request.from_json(made.to_json()) == made


@given(pictures(channels=4), pictures(channels=4), st.integers(0, 9), st.integers(0, 9))
def test_server_accepts_the_dockers_repairs(sketch, hints, x, y) -> None:
    bound = tuple(Binding(*place, "{1}", x, y) for place in ((5, 6), (98, 87), (99, 0)))
    chosen = Settings(references=(Reference(SOURCE),), bindings=bound, swaps=(Swap("#000001", "#000002"),))
    redo = redo_of(sketch, hints)
    sent = docker_request.Pictures(sketch, None, ((sketch, None),), hints=hints, redo=redo)
    made = docker_request.Request(SOURCE, 99, 88, chosen)
    found = request.read(bundle.read(b"".join(docker_request.bundle_parts(made, sent))))
    inside = sketch.x <= x < sketch.x + sketch.width and sketch.y <= y < sketch.y + sketch.height
    places = [(b.x, b.y, b.reference_x + sketch.x, b.reference_y + sketch.y) for b in found.bindings]
    assert places == ([(5, 6, x, y), (98, 87, x, y)] if inside else [])
    assert [(swap.before, swap.after) for swap in found.swaps] == [("#000001", "#000002")]
    assert [layer.role for layer in found.redo.layers] == ["figure"]
    (state,) = found.redo.states
    assert [(layer.role, layer.pixels.x, layer.pixels.y) for layer in state.layers] == [
        ("figure", sketch.x, sketch.y)
    ]
    assert [(spot.x, spot.y) for spot in state.spots] == [(7, 8)]
    assert (found.hints.x, found.hints.y) == (hints.x, hints.y)


def redo_of(sketch: Pixels, now: Pixels) -> docker_request.Redo:
    """A repair of one flat layer, which was delivered as the sketch and is in the document as `now`."""
    layer = DeliveredLayer("figure", Placed.of(sketch))
    state = docker_request.EarlierResult((layer,), {"sketch": Placed.of(sketch)}, spots=((7, 8),))
    return docker_request.Redo((state,), (docker_request.DocumentLayer("figure", now),))


def flat_result(data: bytes) -> docker_result.Result:
    """A result of one flat layer of 2 x 1 px."""
    entry = {"name": "Flats", "role": "figure", "blob": 1, "x": 0, "y": 0, "blend": "normal", "opacity": 1.0}
    header = {"preview": 0, "layers": [{**entry, "clip": False, "mask": None}], "record": {}}
    png = docker_bundle.Blob(docker_bundle.Format.PNG, 1, 1, b"png")
    parts = docker_bundle.encode(header, [png, docker_bundle.Blob.from_pixels(Pixels(2, 1, data))])
    return docker_result.read(docker_request.Request(SOURCE, 2, 1), b"".join(parts))


def test_both_sides_understand_palette_edits() -> None:
    flat, painted = b"\x01\x00\x00\xff", b"\x07\x00\x00\xff"
    now = Pixels(2, 1, flat + painted)
    parts = edit_request.parts({"figure": now}, [Swap("#000001", "#000002")], flat_result(flat * 2))
    answer = edit_request.read(b"".join(run_edit.run(b"".join(parts))))
    assert answer.layers == {"figure": Pixels(2, 1, b"\x02" + flat[1:] + painted)}
    delivered = answer.delivered["figure"].pixels
    assert delivered is not None
    assert bytes(delivered.to_pixels().data) == b"\x02" + flat[1:] + flat  # what was painted is no part of it


def test_both_know_the_same_blend_modes() -> None:
    assert {blend.value for blend in Blend} == set(docker_result.KRITA_BLENDS)


@pytest.mark.parametrize("mask", [None, np.arange(6, dtype=np.uint8).reshape(2, 3)], ids=["bare", "masked"])
def test_docker_reads_the_servers_results(mask: np.ndarray | None) -> None:
    picture = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    layer = Layer(
        "Shading", Role.SHADING, picture, 4, -5, Blend.SCREEN, 0.5, clip=True, mask=mask, mask_name="M"
    )
    preview = pixels.encode_preview(picture)
    packed = packing.pack(lambda: preview, Result((layer,)))
    parts = packed.bundle({"sketch_has_paper": True, "report": {}})
    read = docker_result.read(docker_request.Request(SOURCE, 9, 9), b"".join(parts))
    (found,) = read.layers()
    assert found.pixels == Pixels(3, 2, picture[..., [2, 1, 0, 3]].tobytes(), 4, -5)
    assert (found.name, found.blend, found.opacity, found.clip) == ("Shading", "screen", 0.5, True)
    assert found.mask == (None if mask is None else Pixels(3, 2, mask.tobytes(), 4, -5))
    assert read.preview_png == preview


def test_docker_reads_the_event_stream() -> None:
    stream = b'event: status\ndata: {"done": 1}\n\n: still here\n\nevent: status\ndata: {"done": 2}\n\n'
    parser = sse.Parser()
    found = [event for byte in stream for event in parser.feed(bytes([byte]))]
    assert [(event.name, event.data) for event in found] == [
        ("status", '{"done": 1}'),
        ("status", '{"done": 2}'),
    ]
