"""Reads the items of a corpus from its `manifest.json`. Pictures are read when they are needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colorizer.errors import InvalidInput


@dataclass(frozen=True)
class Case:
    """One sketch to colour."""

    sketch: Path
    references: tuple[Path, ...]
    truth: Path | None = None
    sketch_mask: Path | None = None
    reference_mask: Path | None = None
    """Foreground mask of the first reference."""


@dataclass(frozen=True)
class Item:
    """An entry of the manifest. A triplet or a wild pair has one case, a sequence has one per frame."""

    id: str
    kind: str
    cases: tuple[Case, ...]


def read_corpus(folder: Path) -> list[Item]:
    """Reads the items of a corpus in the manifest's order.

    Raises:
        InvalidInput: the manifest is missing or invalid.
    """
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        raise InvalidInput(f"{folder} contains no manifest.json. Give the folder of a corpus.")
    try:
        entries: list[dict[str, Any]] = json.loads(manifest.read_text(encoding="utf-8"))["items"]
        return [_item(folder, entry, entries) for entry in entries]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(
            f"{manifest} is not a valid manifest ({error!r}). It must list `items` with `files`."
        ) from error


def _item(folder: Path, entry: dict[str, Any], entries: list[dict[str, Any]]) -> Item:
    files = entry["files"]
    kind = entry["kind"]
    if kind == "sequence":
        cases = tuple(_frames(folder, files))
    elif kind == "hostile":
        cases = tuple(_hostile_cases(folder, files, entries))
    else:
        cases = (_pair(folder, files),)
    return Item(entry["id"], kind, cases)


def _pair(folder: Path, files: dict[str, str]) -> Case:
    def path(role: str) -> Path | None:
        return folder / files[role] if role in files else None

    return Case(
        sketch=folder / files["sketch"],
        references=(folder / files["reference"],),
        truth=path("ground_truth"),
        sketch_mask=path("sketch_foreground_mask"),
        reference_mask=path("reference_foreground_mask"),
    )


def _frames(folder: Path, files: dict[str, list[str]]) -> Iterator[Case]:
    pool = tuple(folder / name for name in files["reference_pool"])
    if not pool:
        raise ValueError("an empty reference_pool")
    truths, masks = files.get("ground_truths", []), files.get("sketch_foreground_masks", [])
    for index, sketch in enumerate(files["sketches"]):
        yield Case(
            sketch=folder / sketch,
            references=pool,
            truth=folder / truths[index] if index < len(truths) else None,
            sketch_mask=folder / masks[index] if index < len(masks) else None,
        )


def _hostile_cases(folder: Path, files: dict[str, str], entries: list[dict[str, Any]]) -> Iterator[Case]:
    """The pair itself; the pair with each hostile mask; and each other hostile file in place of the sketch."""
    # An item with only a sketch uses the reference of another item.
    lent = [entry["files"]["reference"] for entry in entries if "reference" in entry["files"]]
    if not lent:
        raise ValueError("no item with a reference")
    reference = folder / files.get("reference", lent[0])
    sketch = folder / files["sketch"]
    yield Case(sketch, (reference,))
    for role, name in files.items():
        if role.startswith("mask"):
            yield Case(sketch, (reference,), sketch_mask=folder / name)
        elif role not in ("sketch", "reference", "ground_truth"):
            yield Case(folder / name, (reference,))
