"""A sketch's settings as a file, for use in another picture or on another computer.

Layers, masks, hints and bindings belong to a picture and aren't saved; references that are files are saved by path.
"""

from __future__ import annotations

import json
from dataclasses import replace

from krita_colorize.core.errors import UserError
from krita_colorize.core.settings import VERSION, Settings, SourceKind, from_json, to_json

SUFFIX = ".colorize.json"
NO_SETTINGS = (
    "This file contains no settings of Krita Colorize. Choose one that was saved with “Save settings…”."
)
MAX_BYTES = 1 << 20


def dump(settings: Settings) -> bytes:
    """The file's bytes; equal settings give equal bytes."""
    note = {"krita_colorize": VERSION, "settings": to_json(_portable(settings))}
    return json.dumps(note, ensure_ascii=False, sort_keys=True, indent=1).encode("utf-8")


def load(data: bytes, own: Settings) -> Settings:
    """Reads settings for a sketch whose settings are `own`; its references stay if the file has none. Raises
    `UserError`."""
    try:
        note = json.loads(data[: MAX_BYTES + 1].decode("utf-8")) if len(data) <= MAX_BYTES else None
        stored = note["settings"] if isinstance(note, dict) and "krita_colorize" in note else None
    except (ValueError, KeyError, RecursionError) as error:
        raise UserError(NO_SETTINGS) from error
    if not isinstance(stored, dict):
        raise UserError(NO_SETTINGS)
    brought = _portable(from_json(stored))
    return replace(brought, references=brought.references or own.references, background=own.background)


def _portable(settings: Settings) -> Settings:
    """The settings without those that belong to a single picture."""
    files = (item for item in settings.references if item.source.kind is SourceKind.FILE)
    references = tuple(replace(item, mask="") for item in files)
    return replace(settings, references=references, sketch_mask="", background="", hints="", bindings=())
