"""What the way itself costs: snapshot, transfer and import, beside the engine's own time and beside Krita's own layer
duplicate + merge as the floor. In real Krita, with a real backend; medians of several runs.

    .venv/bin/python benchmarks/way.py [--sides 1024 2048 4096 8192] [--runs 3] [--json FILE]

Seconds, but for the columns in ms. `way` is what is left of the whole after the engine's time; `krita_cpu` is the
processor time of Krita's process, which says more than the clock where others use the machine (see `load`).
`gui_block_ms` is the longest time that the GUI thread was held by us, outside Krita's own calls.
"""

from __future__ import annotations

import argparse
import json
import os
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from colorizer_lab.krita import screen, session

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "resources" / "sample"
COLUMNS = (
    "whole", "engine", "way", "krita_cpu", "snapshot", "backend_decode", "backend_encode", "apply", "insert",
    "floor", "gui_block_ms", "aftermath_ms", "floor_aftermath_ms", "load",
)  # fmt: skip
GOAL_SIDE = 4096
GOAL_WAY_S = 0.5
GOAL_BLOCK_MS = 50


def measure(side: int, runs: int, krita: session.Session) -> dict[str, float]:
    """One size; the median of each figure by its name."""
    sketch, reference = str(SAMPLE / "sketch.png"), str(SAMPLE / "reference.png")
    found = krita.call(_way, timeout_s=1800, side=side, sketch=sketch, reference=reference, runs=runs)
    return {name: median(run[name] for run in found) for name in found[0]} | {"load": os.getloadavg()[0]}


def _way(side, sketch, reference, runs):  # type: ignore[no-untyped-def]
    """Runs inside Krita."""
    return way(side, sketch, reference, runs)  # noqa: F821 - inside_way's


def verdict(side: int, figures: dict[str, float]) -> str:
    """Which goals this size keeps."""
    block = figures["gui_block_ms"]
    words = [f"GUI thread {block:.0f} of {GOAL_BLOCK_MS} ms: {_kept(block < GOAL_BLOCK_MS)}"]
    if side == GOAL_SIDE:
        words.append(f"way {figures['way']:.2f} of {GOAL_WAY_S} s: {_kept(figures['way'] < GOAL_WAY_S)}")
    return f"{side} px: " + ", ".join(words)


def _kept(kept: bool) -> str:  # noqa: FBT001 - one word for a comparison
    return "kept" if kept else "MISSED"


def main() -> None:
    """Measures every size in one Krita and prints a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sides", type=int, nargs="+", default=[1024, 2048, 4096, 8192])
    parser.add_argument("--runs", type=int, default=3)
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
            rows[side] = measure(side, options.runs, krita)
            print(side, *(f"{rows[side][name]:.2f}" for name in COLUMNS), sep="\t", flush=True)
    print(*(verdict(side, row) for side, row in rows.items()), sep="\n")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
