"""What the way itself costs: snapshot, transfer and import, beside the engine's own time and beside Krita's own layer
duplicate + merge as the floor. In real Krita, with a real backend.

    .venv/bin/python benchmarks/way.py [--sides 1024 2048 4096 8192] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from pathlib import Path

from colorizer.krita_host import screen, session

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "resources" / "sample"
COLUMNS = (
    "whole", "engine", "way", "snapshot", "backend_decode", "backend_encode", "insert", "first_insert",
    "floor", "gui_block_ms", "aftermath_ms", "floor_aftermath_ms",
)  # fmt: skip


def measure(side: int, krita: session.Session) -> dict[str, float]:
    """One size; seconds by name."""
    sketch, reference = str(SAMPLE / "sketch.png"), str(SAMPLE / "reference.png")
    figures = krita.call(_way, timeout_s=900, side=side, sketch=sketch, reference=reference)
    return {**figures, "way": figures["whole"] - figures["engine"]}


def _way(side, sketch, reference):  # type: ignore[no-untyped-def]
    """Runs inside Krita."""
    return way(side, sketch, reference)  # noqa: F821 - inside_way's


def main() -> None:
    """Measures every size in one Krita and prints a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sides", type=int, nargs="+", default=[1024, 2048, 4096, 8192])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = {}
    with ExitStack() as stack:
        display = stack.enter_context(screen.virtual_screen())
        krita = stack.enter_context(session.windowed(display))
        folder = str(Path(__file__).parent)
        krita.call(f"import sys\nsys.path.insert(0, {folder!r})\nfrom inside_way import *")
        print("side", *COLUMNS, sep="\t")
        for side in options.sides:
            rows[side] = measure(side, krita)
            print(side, *(f"{rows[side][name]:.2f}" for name in COLUMNS), sep="\t", flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
