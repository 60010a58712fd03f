"""What Redo sends for a result that lies in the document, and what counts as delivered afterwards.

A repair recomputes with the masks, hints, bindings and sketch of now, and only where one of them changed since. What
such a change reaches, and that the artist's own strokes stay, is the backend's business (docs/wire.md, "redo").
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from krita_colorize.core import changes, saved_results
from krita_colorize.core.changes import Masks, differing
from krita_colorize.core.errors import UserError
from krita_colorize.core.geometry import placed
from krita_colorize.core.placement import Placement
from krita_colorize.core.port import BACKGROUND, FIGURE, ROLES, NewLayer, Pixels
from krita_colorize.core.request import Pictures, Redo, RedoLayer, Request
from krita_colorize.core.result import Result
from krita_colorize.core.saved_results import Base
from krita_colorize.core.selection import inside
from krita_colorize.core.settings import Settings
from krita_colorize.core.translations import tr


@dataclass(frozen=True)
class State:
    """A result and what it was made from."""

    result: Result
    base: Base

    @property
    def made(self) -> State:
        """The same on the canvas it was made on."""
        return State(self.result.origin or self.result, replace(self.base, placement=None))

    @property
    def moved_alone(self) -> bool:
        """Whether the canvas has the size that it had, but the sketch lies elsewhere on it: the rest may not."""
        made, now = self.made.result.request, self.result.request
        return self.result.placement is not None and (made.width, made.height) == (now.width, now.height)

    def on(self, placement: Placement, preview_png: bytes) -> State:
        """The same on another canvas; see `Result.on`."""
        result = self.result.on(placement, preview_png)
        return State(result, replace(self.base, placement=result.placement))


@dataclass(frozen=True)
class Seen:
    """How an applied result is in the document: the pixels of its layers and of their masks, by role."""

    layers: Mapping[str, Pixels]
    masks: Mapping[str, Pixels]


@dataclass(frozen=True)
class Plan:
    """A repair that is on its way: the state it starts from, what is sent, and what was seen."""

    state: State
    request: Request
    pictures: Pictures
    seen: Seen
    chosen: Pixels | None
    selection: Pixels | None = None
    """Outside of it nothing is repaired, and what changed counts the next time."""
    unseen: bool = False
    """Whether the chosen mask was painted where the group's own, which only the artist changes, show the other side."""


def as_now(request: Request, now: Settings) -> Request:
    """A result's request with the masks, hints, bindings and swaps that its sketch has now; all else as it was."""
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
    )
    return replace(request, settings=settings)


def base_of(pictures: Pictures, selection: Pixels | None = None) -> Base:
    """What a result was made from, by the pictures that were sent, and the selection that it is for. Slow: for worker
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
    """What to send. Raises `UserError` where nothing changed since. Slow: for worker threads.

    `states` are the result's states, the newest first: after an undo the document shows an earlier one.
    """
    state = _shown(states, seen, request.width, request.height)
    layers = {layer.role: layer for layer in state.result.layers()}
    delivered = [
        RedoLayer(role, layers[role].pixels, seen.layers[role])
        for role in ROLES
        if role in layers and seen.layers.get(role) is not None and seen.layers[role].data
    ]
    if not delivered:
        raise UserError(
            tr("The layers of this result are gone or empty. Press Colorize to colour the sketch again.")
        )
    before, now = _masks(layers, seen, request), Masks(seen.masks.get(FIGURE), seen.masks.get(BACKGROUND))
    painted = [
        differing(old, new, request.width, request.height)
        for old, new in ((before.foreground, now.foreground), (before.background, now.background))
        if new is not None
    ]
    changed = changes.either([*painted, *_differences(state, before, request, pictures)])
    if not any(changed.data):
        raise UserError(
            tr("Nothing has changed since this result was made. Paint its mask or a hint, then press Redo.")
        )
    start = _start(state.base, pictures.sketch_mask, request)
    mask = None
    if start is not None or any(any(where.data) for where in painted):
        mask = changes.sketch_mask(start, before, now, request.width, request.height)
    sent = replace(pictures, sketch_mask=mask, redo=Redo(changed, tuple(delivered)))
    return Plan(
        state,
        request,
        sent,
        seen,
        pictures.sketch_mask,
        selection,
        unseen=_unseen(state, before, now, pictures),
    )


def after(made: Plan, answer: Result, inserted: Mapping[str, tuple[Pixels, Pixels]]) -> State:
    """The state once the answer is in the document. `inserted` holds by role what the layer was and what was put into
    it. Slow: for worker threads."""
    width, height = made.request.width, made.request.height
    layers = []
    for layer in made.state.result.layers():
        if layer.role in inserted:
            now, put = inserted[layer.role]
            pixels = changes.delivered_after(layer.pixels, now, put, width, height)
            layer = replace(layer, pixels=pixels)
        mask = made.seen.masks.get(layer.role)
        if layer.mask is not None and mask is not None:
            place = layer.pixels
            layer = replace(layer, mask=placed(mask, place.x, place.y, place.width, place.height))
        layers.append(layer)
    before = replace(made.state.result, request=made.request)
    result = saved_results.with_check(saved_results.with_layers(before, layers, answer.preview_png), answer)
    found = {
        "sketch": made.pictures.sketch,
        "chosen": made.chosen,
        "sent": made.pictures.sketch_mask,
        "hints": made.pictures.hints,
    }
    base = made.state.base
    if made.selection is not None:
        found = {name: _partly(made.selection, new, base.get(name)) for name, new in found.items()}
    found["selection"] = base.get("selection")
    return State(result, Base.pack(found, _hashes(made.pictures)))


def _partly(selection: Pixels, new: Pixels | None, old: Pixels | None) -> Pixels | None:
    """What counts as seen where only a part of the canvas was repaired: there the new, elsewhere the old."""
    if new is None or old is None:
        return new if old is None else old
    width, height = selection.width, selection.height
    return inside(selection, placed(new, 0, 0, width, height), old)


def _shown(states: Sequence[State], seen: Seen, width: int, height: int) -> State:
    """The state that the document is nearest to."""
    if len(states) == 1:
        return states[0]

    def strokes(state: State) -> int:
        total = 0
        for layer in state.result.layers():
            if layer.role in seen.layers:
                found = differing(layer.pixels, seen.layers[layer.role], width, height)
                total += bytes(found.data).count(255)
        return total

    return min(states, key=strokes)


def _masks(layers: Mapping[str, NewLayer], seen: Seen, request: Request) -> Masks:
    """The masks as they came, on the canvas; what came without a mask is as it is now."""
    found = {}
    for role in ROLES:
        mask = layers[role].mask if role in layers else None
        found[role] = placed(mask, 0, 0, request.width, request.height) if mask else seen.masks.get(role)
    return Masks(found[FIGURE], found[BACKGROUND])


def _differences(state: State, before: Masks, request: Request, pictures: Pictures) -> list[Pixels]:
    """Where sketch, chosen mask, hints and bindings differ; everywhere where a reference's mask does."""
    width, height, base = request.width, request.height, state.base
    found = [changes.dots(state.result.request.settings.bindings, request.settings.bindings, width, height)]
    for name, pixels in (("sketch", pictures.sketch), ("hints", pictures.hints)):
        found.append(differing(base.get(name), pixels, width, height))
    # Where no mask was chosen, the one that the engine found counted.
    then, now = (mask or before.foreground for mask in (base.get("chosen"), pictures.sketch_mask))
    found.append(differing(then, now, width, height))
    if base.hashes is not None and base.hashes != _hashes(pictures):
        found.append(Pixels(width, height, b"\xff" * (width * height)))
    return found


def _unseen(state: State, before: Masks, now: Masks, pictures: Pictures) -> bool:
    chosen, own = pictures.sketch_mask, now.foreground
    if chosen is None or own is None:
        return False
    width, height = own.width, own.height
    painted = differing(state.base.get("chosen") or before.foreground, chosen, width, height)
    return changes.overlapping(painted, differing(own, chosen, width, height))


def _start(base: Base, chosen: Pixels | None, request: Request) -> Pixels | None:
    """The sketch's mask before what was painted on the result's own masks since: what was sent the last time, with
    what changed in the chosen mask."""
    sent, before = base.get("sent"), base.get("chosen")
    if chosen is None:
        return None if before is not None else sent
    if sent is None or before is None:
        return chosen
    width, height = request.width, request.height
    low, high = placed(sent, 0, 0, width, height), placed(chosen, 0, 0, width, height)
    return changes.merged(low, high, differing(before, chosen, width, height))


def _hashes(pictures: Pictures) -> tuple[str, ...]:
    return tuple(hashlib.sha256(mask.data).hexdigest() if mask else "" for _, mask in pictures.references)
