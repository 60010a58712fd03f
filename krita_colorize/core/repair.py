"""Builds the request of Redo for an applied result, and the result's new state once the answer is in the document.

A repair uses the present masks, hints, bindings and sketch, and colours only the regions in which one of them has
changed. The backend finds these regions and keeps the artist's own strokes (docs/wire.md, "redo").
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from krita_colorize.core import delivered, saved_results, strokes
from krita_colorize.core.bundle import Bundle, Placed
from krita_colorize.core.delivered import DeliveredLayer
from krita_colorize.core.errors import UserError
from krita_colorize.core.geometry import placed
from krita_colorize.core.placement import Placement
from krita_colorize.core.port import ROLES, Pixels
from krita_colorize.core.request import DocumentLayer, EarlierResult, Pictures, Redo, Request
from krita_colorize.core.result import Result, ResultError
from krita_colorize.core.saved_results import Base
from krita_colorize.core.settings import Options, Settings
from krita_colorize.core.translations import tr

NOTHING_CHANGED = "Nothing has changed since this result was made. Paint its mask or a hint, then press Redo."

MADE_FROM = {"sketch": "sketch", "hints": "hints", "chosen_mask": "chosen", "sketch_mask": "sent"}
"""The name of each picture on the wire: its name in a `Base`."""

CLEAR_HINTS = "clear_hints"
"""The option for the meaning of magenta hints."""

MOST_BYTES = 2 << 30
"""Limit of the unpacked size of all states; older ones beyond it are left out, but never the newest."""


@dataclass(frozen=True)
class State:
    """One state of a result, and the pictures it was made from."""

    result: Result
    base: Base

    @property
    def made(self) -> State:
        """The state on its original canvas."""
        return State(self.result.origin or self.result, replace(self.base, placement=None))

    @property
    def moved_alone(self) -> bool:
        """Whether the sketch has moved on a canvas of the same size; the result's layers may then be where they
        were."""
        made, now = self.made.result.request, self.result.request
        return self.result.placement is not None and (made.width, made.height) == (now.width, now.height)

    def on(self, placement: Placement, preview_png: bytes) -> State:
        """The state on another canvas; see `Result.on`."""
        result = self.result.on(placement, preview_png)
        return State(result, replace(self.base, placement=result.placement))


@dataclass(frozen=True)
class Seen:
    """The present layers of an applied result: their pixels and masks, by role."""

    layers: Mapping[str, Pixels]
    masks: Mapping[str, Pixels]


@dataclass(frozen=True)
class Plan:
    """A running repair: the states it may start from, the request with its pictures, and the layers that were read."""

    states: tuple[State, ...]
    request: Request
    pictures: Pictures
    seen: Seen


@dataclass(frozen=True)
class Write:
    """Pixels to write to a layer; `now` are the layer's own pixels in the same rectangle when they were computed."""

    role: str
    layer_id: str
    now: Pixels
    pixels: Pixels
    painted: bool = False
    """Whether the artist has painted on the layer while the answer was awaited."""

    @classmethod
    def into(cls, role: str, layer_id: str, now: Pixels, pixels: Pixels) -> Write:
        """Creates a write, with `now` cropped to the rectangle of `pixels`. Slow: for worker threads."""
        return cls(role, layer_id, placed(now, *pixels.box), pixels)

    def onto(self, newest: Pixels) -> Write:
        """The write for a layer that has changed to `newest`, without the pixels painted meanwhile. Slow: for worker
        threads."""
        kept = strokes.kept(self.now, newest, self.pixels)
        return replace(self, now=newest, pixels=kept, painted=True)


def as_now(request: Request, now: Settings) -> Request:
    """A result's request with the present masks, hints, bindings and swaps of its sketch."""
    old = request.settings
    masks = {reference.source: reference.mask for reference in now.references}
    references = tuple(replace(item, mask=masks.get(item.source, item.mask)) for item in old.references)
    settings = replace(
        old,
        references=references,
        sketch_mask=now.sketch_mask,
        hints=now.hints,
        bindings=now.bindings,
        swaps=now.swaps,
        options=_with_clear_hints(old.options, now.options),
    )
    return replace(request, settings=settings)


def _with_clear_hints(old: Options, now: Options) -> Options:
    """A result's options with the present meaning of magenta hints."""
    others = {name: value for name, value in old.advanced.items() if name != CLEAR_HINTS}
    hints = {name: value for name, value in now.advanced.items() if name == CLEAR_HINTS}
    return replace(old, advanced={**others, **hints})


def base_of(pictures: Pictures, selection: Pixels | None = None) -> Base:
    """Packs the pictures that were sent for a result, and the selection it is restricted to. Slow: for worker
    threads."""
    mask = pictures.sketch_mask
    found = {"sketch": pictures.sketch, "chosen": mask, "sent": mask, "hints": pictures.hints}
    found["selection"] = selection
    return Base.pack(found, _hashes(pictures))


def plan(
    states: Sequence[State],
    request: Request,
    pictures: Pictures,
    seen: Seen,
    selection: Pixels | None = None,
) -> Plan:
    """Plans a repair. Raises `UserError` if the result's layers are gone or empty. Slow: for worker threads.

    `states` are the result's states, newest first, because after an undo the document has an earlier one. Outside
    `selection` nothing is repaired; changes there are repaired the next time.
    """
    roles = [layer.role for layer in states[0].result.packed_layers()]
    if not any(role in roles and pixels.data for role, pixels in seen.layers.items()):
        raise UserError(
            tr("The layers of this result are gone or empty. Press Colorize to colour the sketch again.")
        )
    sent = [_earlier(state, request, pictures) for state in states]
    while len(sent) > 1 and sum(map(_size_bytes, sent)) > MOST_BYTES:
        sent.pop()
    layers = tuple(
        DocumentLayer(role, seen.layers[role], seen.masks.get(role)) for role in ROLES if role in seen.layers
    )
    redo = Redo(tuple(sent), layers, selection)
    return Plan(tuple(states), request, replace(pictures, redo=redo), seen)


def after(made: Plan, answer: Result, put: Sequence[Write]) -> State:
    """The result's state after the answer is in the document; `put` are the actual writes. Raises `BundleError`,
    `ResultError`. Slow: for worker threads."""
    try:
        told = answer.bundle.header["redo"]
        before = made.states[told["state"]]
        changed = delivered.read(told["delivered"], answer.bundle)
        made_from = _made_from(told["made_from"], made.pictures, answer.bundle)
    except (KeyError, IndexError, TypeError) as error:
        raise ResultError(f"a repair can't be read ({error!r})") from error
    changed = with_strokes(before.result, changed, put)
    result = replace(before.result, request=made.request)
    mask = answer.check_mask()
    check = None if mask is None else ({"places": answer.check_places}, Placed.of(mask))
    result = saved_results.with_delivered(result, changed, answer.preview_png, check, answer)
    found = {**made_from, "selection": before.base.packed("selection")}
    return State(result, Base.pack(found, _hashes(made.pictures)))


def with_strokes(
    before: Result, changed: Mapping[str, DeliveredLayer], put: Sequence[Write]
) -> dict[str, DeliveredLayer]:
    """The delivered layers by role, without strokes painted while the answer was awaited. Slow: for worker threads."""
    old = {layer.role: layer.pixels for layer in before.packed_layers()}
    found = dict(changed)
    for write in put:
        layer, was = found.get(write.role), old.get(write.role)
        if not write.painted or layer is None or layer.pixels is None or was is None:
            continue
        now = strokes.delivered(was.to_pixels(), layer.pixels.to_pixels(), write.now, write.pixels)
        found[write.role] = replace(layer, pixels=Placed.of(now))
    return found


def _earlier(state: State, request: Request, pictures: Pictures) -> EarlierResult:
    result, base = state.result, state.base
    spots = set(result.request.settings.bindings) ^ set(request.settings.bindings)
    inside = (one for one in spots if one.x < request.width and one.y < request.height)
    mask = result.check_mask()
    return EarlierResult(
        layers=result.packed_layers(),
        made_from={name: base.packed(ours) for name, ours in MADE_FROM.items()},
        spots=tuple(sorted({(one.x, one.y) for one in inside})),
        everywhere=base.hashes is not None and base.hashes != _hashes(pictures),
        check=None if mask is None else Placed.of(mask),
        places=result.check_places,
    )


def _made_from(
    told: Mapping[str, Any], pictures: Pictures, answer: Bundle
) -> dict[str, Pixels | Placed | None]:
    """The pictures that the repaired result was made from, by their names in a `Base`."""
    sent = {"sketch": pictures.sketch, "hints": pictures.hints, "chosen_mask": pictures.sketch_mask}
    return {ours: answer.placed(told[name]) or sent.get(name) for name, ours in MADE_FROM.items()}


def _size_bytes(state: EarlierResult) -> int:
    """The unpacked size of a state's layers in bytes."""
    pictures = [picture for layer in state.layers for picture in (layer.pixels, layer.mask)]
    return sum(picture.packed.size_bytes for picture in pictures if picture is not None)


def _hashes(pictures: Pictures) -> tuple[str, ...]:
    return tuple(hashlib.sha256(mask.data).hexdigest() if mask else "" for _, mask in pictures.references)
