"""A corpus of drawn boxes, laid out like the real ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from colorizer.imaging.pictures import write_png
from drawn import box_mask, box_reference, box_sketch


def write_corpus(folder: Path) -> Path:
    """One triplet, one wild pair, a sequence of two frames, a hostile item with a broken file and a wrong mask."""
    pictures = {"s": box_sketch(160), "r": box_reference(160), "t": box_reference(160), "m": box_mask(160)}
    pictures["small"] = box_mask(40)
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        write_png(folder / f"{name}.png", np.ascontiguousarray(picture))
    (folder / "empty.png").write_bytes(b"")
    pair = {"sketch": "s.png", "reference": "r.png"}
    masks = {"sketch_foreground_mask": "m.png", "reference_foreground_mask": "m.png"}
    frames = {
        "sketches": ["s.png", "s.png"],
        "ground_truths": ["t.png"],
        "reference_pool": ["r.png", "r.png"],
    }
    items = [
        {"id": "box", "kind": "triplet", "files": {**pair, "ground_truth": "t.png", **masks}},
        {"id": "wild", "kind": "wild_pair", "files": pair},
        {"id": "run", "kind": "sequence", "files": frames},
        {
            "id": "odd",
            "kind": "hostile",
            "files": {"sketch": "s.png", "mask_wrong": "small.png", "zero": "empty.png"},
        },
    ]
    (folder / "manifest.json").write_text(json.dumps({"items": items}), encoding="utf-8")
    return folder
