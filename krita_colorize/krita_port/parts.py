"""Finds the layers of an applied group: by their ids, which are stored in the document, or in a copy by their names.

Layer ids stay the same when layers are renamed, moved, saved and reopened; copies get new ids. The ids are stored with
`store`, only for the newest `MAX_GROUPS` groups. No layer is changed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from krita import Document, Node

from krita_colorize.core.port import APART, KEY_STROKES, Kind, NewGroup, Part
from krita_colorize.krita_port import store, wrappers
from krita_colorize.krita_port.kinds import kind

NOTE = "parts.json"
MAX_GROUPS = 100
ROLES = {
    "Background": "background",
    "Flats": "figure",
    "Colours": "figure",
    "Shading": "shading",
    "Light": "light",
}
"""The roles of layers in a copied group, by the names that engines give to them."""


def remember(document: Document, group_id: str, group: NewGroup) -> None:
    """Stores the roles of the layers of a newly inserted group."""
    node = wrappers.find_node(document, group_id)
    roles = [layer.role if layer.role != KEY_STROKES else "" for layer in group.layers]
    if node is None or not any(roles):
        return
    ids = [wrappers.node_id(child) for child in wrappers.children(node)]
    groups = _read(document)
    groups[group_id] = {layer: role for layer, role in zip(ids, roles, strict=True) if role}
    newest = dict(list(groups.items())[-MAX_GROUPS:])
    store.write(document, NOTE, json.dumps(newest).encode("utf-8"))


def remember_layer(document: Document, layer_id: str) -> None:
    """Stores that a layer was made by the docker, so that it isn't offered as a sketch."""
    groups = _read(document)
    groups[layer_id] = {}
    store.write(document, NOTE, json.dumps(dict(list(groups.items())[-MAX_GROUPS:])).encode("utf-8"))


def made(document: Document) -> set[str]:
    """The ids of the groups and layers that the docker has inserted."""
    return set(_read(document))


def find(document: Document, group: Node) -> Sequence[Part]:
    """The paint layers of a group that have a role, bottom to top."""
    known = _read(document).get(wrappers.node_id(group), {})
    found = []
    for layer in reversed([node for node, _ in wrappers.walk(group)]):
        role = (
            known.get(wrappers.node_id(layer), "")
            if known
            else ROLES.get(layer.name().removeprefix(APART), "")
        )
        if role and kind(layer) is Kind.PAINT:
            found.append(Part(role, wrappers.node_id(layer), _mask_of(layer)))
    return found


def _mask_of(layer: Node) -> str:
    masks = [child for child in wrappers.children(layer) if kind(child) is Kind.MASK]
    return wrappers.node_id(masks[0]) if masks else ""


def _read(document: Document) -> dict[str, dict[str, str]]:
    """{group id: {layer id: role}}; empty if the annotation is missing or can't be read."""
    try:
        groups = json.loads(store.read(document, NOTE) or b"{}")
    except ValueError:
        return {}
    if not isinstance(groups, dict):
        return {}
    return {key: value for key, value in groups.items() if isinstance(value, dict)}
