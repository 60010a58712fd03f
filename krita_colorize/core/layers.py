"""Queries of a document's layer list: colourable layers, layers of a result, the layer that was dropped."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace

from krita_colorize.core.port import APART, SELECTION_ID, Kind, LayerInfo, NewGroup
from krita_colorize.core.result import GROUP_NAME
from krita_colorize.core.settings import Settings

_MAX_MAINDOC_BYTES = 16 << 20


def find(layers: Sequence[LayerInfo], layer_id: str | None) -> LayerInfo | None:
    """The layer with this id; None if there is none."""
    return next((layer for layer in layers if layer.id == layer_id), None)


def is_visible(layers: Sequence[LayerInfo], layer_id: str) -> bool:
    """Whether a layer and all groups that it is in are visible."""
    index = next((i for i, layer in enumerate(layers) if layer.id == layer_id), None)
    if index is None:
        return False
    depth = layers[index].depth + 1
    for layer in reversed(layers[: index + 1]):
        if layer.depth < depth:
            depth = layer.depth
            if not layer.visible:
                return False
    return True


def colourable(layers: Sequence[LayerInfo]) -> list[LayerInfo]:
    """The layers that can be sketches or references: those with pixels, without the docker's own."""
    inside = _inside_results(layers)
    return [layer for layer in layers if layer.kind not in (Kind.MASK, Kind.OTHER) and layer.id not in inside]


def maskable(layers: Sequence[LayerInfo]) -> list[LayerInfo]:
    """The layers and masks that can be used as a foreground mask."""
    return [layer for layer in layers if layer.kind is not Kind.OTHER]


def follows(layers: Sequence[LayerInfo], layer_id: str | None, sketches: Mapping[str, Settings]) -> bool:
    """Whether an active layer becomes the sketch; `sketches` are the settings by sketch.

    Hints, masks, references and results don't, because an artist who repairs a mask still works on the same sketch.
    """
    used = {key for own in _there(layers, sketches).values() for key in own.layer_ids} | {SELECTION_ID}
    own = any(layer.id == layer_id and not layer.ours for layer in colourable(layers))
    return layer_id not in used and own


def owner(layers: Sequence[LayerInfo], layer_id: str | None, sketches: Mapping[str, Settings]) -> str | None:
    """The sketch to which a layer that is no sketch belongs: the one that uses it, else the topmost one with
    references; None if no sketch has references."""
    there = _there(layers, sketches)
    used = {key for own in there.values() for key in own.layer_ids}
    ready = [key for key, own in there.items() if own.references and key not in used]
    return next((key for key, own in there.items() if layer_id in own.layer_ids), next(iter(ready), None))


def dropped_layer(layers: Sequence[LayerInfo], active_id: str | None, archive: bytes) -> LayerInfo | None:
    """The layer of the document that was dragged from the Layers docker; None if it is ambiguous.

    `archive` is the .kra that Krita passes, which has the layer's name but a new id, so that the layer is found by its
    name. Of several layers of that name the active one is taken.
    """
    name = _name_in_archive(archive)
    same = [layer for layer in layers if layer.name == name and layer.kind is not Kind.MASK]
    active = [layer for layer in same if layer.id == active_id]
    return active[0] if active else same[0] if len(same) == 1 else None


def named_apart(group: NewGroup, layers: Sequence[LayerInfo]) -> NewGroup:
    """The group, with a prefix before the names of layers that the artist's layers have too, such as "Background"."""
    taken = {layer.name for layer in layers if layer.id not in _inside_results(layers)}
    renamed = (
        replace(layer, name=f"{APART}{layer.name}") if layer.name in taken else layer
        for layer in group.layers
    )
    return replace(group, layers=tuple(renamed))


def named_by_place(group: NewGroup, layers: Sequence[LayerInfo], sketch_id: str) -> NewGroup:
    """The group, named after its position if it isn't inserted below the lines, where artists look for it: "over" a
    sketch with paper of its own, or "behind" one that is the lowest layer."""
    sketch = find(layers, sketch_id)
    where = "over" if group.above and group.blend != "normal" else "behind"
    if sketch is None or (where == "behind" and (group.above or not _is_lowest(layers, sketch))):
        return group
    first, *others = group.name.split(" · ")
    return replace(group, name=" · ".join((f"{first} {where} {sketch.name}", *others)))


def _is_lowest(layers: Sequence[LayerInfo], layer: LayerInfo) -> bool:
    """Whether a layer is the lowest one in its group."""
    below = (one.depth for one in layers[layers.index(layer) + 1 :] if one.depth <= layer.depth)
    return next(below, -1) < layer.depth


def _there(layers: Sequence[LayerInfo], sketches: Mapping[str, Settings]) -> dict[str, Settings]:
    """The settings of the existing sketches, topmost first."""
    return {layer.id: sketches[layer.id] for layer in layers if layer.id in sketches}


def _children(layers: Sequence[LayerInfo], group_id: str) -> list[LayerInfo]:
    index = next((i for i, layer in enumerate(layers) if layer.id == group_id), None)
    if index is None:
        return []
    found = []
    for layer in layers[index + 1 :]:
        if layer.depth <= layers[index].depth:
            break
        found.append(layer)
    return found


def _inside_results(layers: Sequence[LayerInfo]) -> set[str]:
    groups = [
        layer
        for layer in layers
        if layer.kind is Kind.GROUP and (layer.ours or layer.name.startswith(GROUP_NAME))
    ]
    inside = {child.id for group in groups for child in _children(layers, group.id)}
    return inside | {group.id for group in groups}


def _name_in_archive(archive: bytes) -> str | None:
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as kra, kra.open("maindoc.xml") as maindoc:
            root = ElementTree.fromstring(maindoc.read(_MAX_MAINDOC_BYTES))
    except (zipfile.BadZipFile, KeyError, OSError, ElementTree.ParseError, RuntimeError, NotImplementedError):
        return None
    return next((node.get("name") for node in root.iter() if node.tag.rpartition("}")[2] == "layer"), None)
