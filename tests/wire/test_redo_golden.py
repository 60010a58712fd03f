"""What Redo makes of many made-up repairs is byte for byte what it was when the docker did the arithmetic itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from colorizer.engines import last_stage
from colorizer.server import bundle, request, run_edit, run_job
from wire.redo_cases import Case

from krita_colorize.app import repairs
from krita_colorize.app.palettes import _Edit
from krita_colorize.app.repairs import Write
from krita_colorize.core import edit_request, repair, result
from krita_colorize.core.errors import UserError
from krita_colorize.core.geometry import placed
from krita_colorize.core.port import Pixels
from krita_colorize.core.repair import State
from krita_colorize.core.request import bundle_parts

HASHES = Path(__file__).parent / "redo_hashes.json"
CASES = 400


def digest(pixels: Pixels | None, width: int, height: int) -> str:
    """Of pixels on the canvas."""
    if pixels is None:
        return "none"
    return hashlib.sha256(bytes(placed(pixels, 0, 0, width, height).data)).hexdigest()[:16]


def described(case: Case, put: dict[str, Pixels], state: State, *, unseen: bool) -> dict[str, Any]:
    """Everything that must stay as it was."""
    width, height = case.request.width, case.request.height
    found: dict[str, Any] = {"unseen": unseen}
    for role, pixels in put.items():
        found[f"put {role}"] = digest(pixels, width, height)
    for layer in state.result.layers():
        found[f"layer {layer.role}"] = digest(layer.pixels, width, height)
        found[f"mask {layer.role}"] = digest(layer.mask, width, height)
    for name in ("sketch", "chosen", "sent", "hints", "selection"):
        found[f"base {name}"] = digest(state.base.get(name), width, height)
    found["hashes"] = state.base.hashes
    if case.selection is None:
        found["check"] = digest(state.result.check_mask(), width, height)
        found["places"] = state.result.check_places
    return found


def computed(sent: list[bytes | bytearray], case: Case) -> bytes:
    read = bundle.read(b"".join(bytes(part) for part in sent))
    job = request.read(read)
    inputs = run_job.decode_inputs(job, read)
    redo = run_job.decode_redo(job, read)
    assert redo is not None
    made = last_stage.keep_the_rest(case.fresh(inputs), inputs, redo)
    packed = [run_job._pack_layer(layer) for layer in made.result.layers]
    preview = run_job.pixels.encode_preview(inputs.sketch)
    return b"".join(run_job.result_bundle(preview, packed, {"report": {}}, made.result.check))


def repaired(case: Case) -> dict[str, Any]:
    selection = None if case.selection is None else Pixels(48, 40, case.selection.tobytes())
    try:
        plan = repair.plan(case.states, case.request, case.pictures, case.seen, selection)
    except UserError as error:
        return {"error": str(error)}
    answer = result.read(case.request, computed(bundle_parts(case.request, plan.pictures), case))
    put: dict[str, tuple[Pixels, Pixels]] = {}
    for layer in answer.layers():
        write = Write(layer.role, layer.role, plan.seen.layers[layer.role], layer.pixels)
        write = repairs._selected(write, selection)
        newest = case.meanwhile(layer.role, write.now)
        if newest != write.now:
            write = repairs._with_strokes(write, newest)
        put[layer.role] = (write.now, write.pixels)
    state = repair.after(plan, answer, put)
    shown = {role: placed(case.meanwhile(role, now), 0, 0, 48, 40) for role, now in case.seen.layers.items()}
    for role, (now, pixels) in put.items():
        shown[role] = pasted(now, pixels)
    return described(case, shown, state, unseen=plan.unseen)


def edited(case: Case) -> dict[str, Any]:
    """A palette edit of the newest state: two colours exchange, as they are in its first layer."""
    layers = {role: pixels for role, pixels in case.seen.layers.items() if pixels.data}
    if not layers:
        return {}
    first = case.states[0].result.layers()[0].pixels.data
    one, other = ("#" + bytes(first[at : at + 3][::-1]).hex() for at in (0, len(first) - 4))
    edit = _Edit(None, SimpleNamespace(result=case.states[0].result), {one: other, other: one}, ())
    if one == other:
        return {}
    answer = edit_request.read(b"".join(run_edit.run(b"".join(edit_request.parts(layers, edit.made)))))
    writes = []
    for role, now in layers.items():
        write, newest = Write(role, role, now, answer[role]), case.meanwhile(role, now)
        writes.append(write if newest == now else repairs._with_strokes(write, newest))
    made = edit.result(writes)
    put = {write.role: pasted(write.now, write.pixels) for write in writes}
    return described(case, put, State(made, case.states[0].base), unseen=False) | {"palette": made.palette}


def pasted(now: Pixels, box: Pixels, width: int = 48, height: int = 40) -> Pixels:
    """The layer once a box has been put into it."""
    canvas = bytearray(placed(now, 0, 0, width, height).data)
    for row in range(box.height):
        start = ((box.y + row) * width + box.x) * 4
        canvas[start : start + box.width * 4] = box.data[row * box.width * 4 : (row + 1) * box.width * 4]
    return Pixels(width, height, bytes(canvas))


def hashed(found: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:16]


@pytest.mark.parametrize("number", range(0, CASES, 20))
@pytest.mark.parametrize("made", [repaired, edited])
def test_what_is_made_is_what_it_was(made: Callable[[Case], dict[str, Any]], number: int) -> None:
    known = json.loads(HASHES.read_text("utf-8"))[made.__name__]
    for one in range(number, number + 20):
        assert hashed(made(Case(one))) == known[one], one
