"""What Redo makes of many made-up repairs is byte for byte what it was when the docker did the arithmetic itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from colorizer.engines import last_stage
from colorizer.errors import NothingChanged
from colorizer.server import bundle, packing, pixels, redo, request, run_edit, run_job
from wire.redo_cases import Case

from krita_colorize.app.palettes import _Edit
from krita_colorize.core import edit_request, repair, result
from krita_colorize.core.errors import UserError
from krita_colorize.core.geometry import pasted, placed
from krita_colorize.core.port import Pixels
from krita_colorize.core.repair import State, Write
from krita_colorize.core.request import bundle_parts

HASHES = Path(__file__).parent / "redo_hashes.json"
CASES = 400


def digest(pixels: Pixels | None, width: int, height: int) -> str:
    """Of pixels on the canvas."""
    if pixels is None:
        return "none"
    return hashlib.sha256(bytes(placed(pixels, 0, 0, width, height).data)).hexdigest()[:16]


def described(
    case: Case, put: dict[str, Pixels], state: State, *, unseen: bool, painted: bool
) -> dict[str, Any]:
    """Everything that must stay as it was."""
    width, height = case.request.width, case.request.height
    found: dict[str, Any] = {"unseen": unseen}
    for role, shown in put.items():
        found[f"put {role}"] = digest(shown, width, height)
    for layer in state.result.layers():
        found[f"layer {layer.role}"] = digest(layer.pixels, width, height)
        found[f"mask {layer.role}"] = digest(layer.mask, width, height)
    if painted:  # key strokes there have the new colours now, not those of before
        found.pop("layer key_strokes", None)
    for name in ("sketch", "chosen", "sent", "hints", "selection"):
        found[f"base {name}"] = digest(state.base.get(name), width, height)
    found["hashes"] = state.base.hashes
    if case.selection is None:
        found["check"] = digest(state.result.check_mask(), width, height)
        found["places"] = state.result.check_places
    return found


def computed(sent: list[bytes | bytearray], case: Case) -> bytes:
    """What the backend answers."""
    read = bundle.read(b"".join(bytes(part) for part in sent))
    job = request.read(read)
    decoder = run_job.decoder_of(job, read)
    repairing = redo.decode(job, decoder, run_job.decode_inputs(job, read))
    assert repairing is not None
    repaired = last_stage.keep_the_rest(case.fresh(repairing.inputs), repairing.inputs, repairing.redo)
    packed = packing.pack(
        lambda: pixels.encode_preview(repairing.inputs.sketch),
        repairing.checked(repaired),
        partial(repairing.answer, repaired),
    )
    return b"".join(packed.bundle({"report": {}}))


def repaired(case: Case) -> dict[str, Any]:
    selection = None if case.selection is None else Pixels(48, 40, case.selection.tobytes())
    try:
        plan = repair.plan(case.states, case.request, case.pictures, case.seen, selection)
        answer = result.read(case.request, computed(bundle_parts(case.request, plan.pictures), case))
    except (UserError, NothingChanged) as error:
        return {"error": str(error)}
    put = []
    for layer in answer.layers():
        write = Write(layer.role, layer.role, plan.seen.layers[layer.role], layer.pixels)
        newest = case.meanwhile(layer.role, write.now)
        put.append(write if newest == write.now else write.onto(newest))
    state = repair.after(plan, answer, put)
    shown = {role: placed(case.meanwhile(role, now), 0, 0, 48, 40) for role, now in case.seen.layers.items()}
    shown |= {write.role: pasted(placed(write.now, 0, 0, 48, 40), write.pixels) for write in put}
    return described(
        case,
        shown,
        state,
        unseen=answer.bundle.header["redo"]["unseen"],
        painted=any(write.painted for write in put),
    )


def edited(case: Case) -> dict[str, Any]:
    """A palette edit of the newest state: two colours exchange, as they are in its first layer."""
    layers = {role: pixels for role, pixels in case.seen.layers.items() if pixels.data}
    before = case.states[0].result
    first = before.layers()[0].pixels.data
    one, other = ("#" + bytes(first[at : at + 3][::-1]).hex() for at in (0, len(first) - 4))
    whole = all(
        (layer.pixels.width, layer.pixels.height) == (48, 40)
        for layer in before.layers()
        if layer.role in case.roles
    )
    if one == other or not layers or not whole:
        return {}
    edit = _Edit(None, SimpleNamespace(result=before), {one: other, other: one}, ())
    sent = edit_request.parts(layers, edit.made, before)
    answer = edit_request.read(b"".join(run_edit.run(b"".join(sent))))
    writes = []
    for role, now in layers.items():
        write, newest = Write(role, role, now, answer.layers[role]), case.meanwhile(role, now)
        writes.append(write if newest == now else write.onto(newest))
    made = edit.result(writes, answer.delivered)
    painted = any(write.painted for write in writes)
    put = {write.role: pasted(placed(write.now, 0, 0, 48, 40), write.pixels) for write in writes}
    return described(case, put, State(made, case.states[0].base), unseen=False, painted=painted) | {
        "palette": made.palette
    }


def hashed(found: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:16]


@pytest.mark.parametrize("number", range(0, CASES, 20))
@pytest.mark.parametrize("made", [repaired, edited])
def test_what_is_made_is_what_it_was(made: Callable[[Case], dict[str, Any]], number: int) -> None:
    known = json.loads(HASHES.read_text("utf-8"))[made.__name__]
    for one in range(number, number + 20):
        assert hashed(made(Case(one))) == known[one], one
