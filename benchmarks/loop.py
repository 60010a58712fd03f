"""How long the artist waits for repairs of a page of A4 at 300 dpi: correction, palette edit, hint, binding, mask.

    .venv/bin/python benchmarks/loop.py [--width 2480] [--height 3508] [--runs 3] [--json FILE]

In real Krita, with a real backend; medians of several runs. Seconds from the artist's act until the change lies over
the canvas (`shown`: a forecast if the backend computes the change), until the backend's answer does (`answered`), and
to the end of the call that writes it into the layers (`written`), Krita's own calls in it (`krita`), the backend's own
arithmetic (`engine`, of jobs), the processor time of Krita's process without software drawing of the canvas
(`krita_cpu`) and of the backend's processes (`backend_cpu`), and the longest time that the GUI thread was held by us
(`gui_block_ms`). Where others use the machine (`load`), processor times say more than the clock.
The same figures of an earlier version: run it from its checkout.
"""

from __future__ import annotations

import argparse
import json
import os
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from colorizer_lab.krita import screen, session

SAMPLE = Path(__file__).resolve().parents[1] / "resources" / "sample"
COLUMNS = ("shown", "answered", "written", "krita", "engine", "krita_cpu", "backend_cpu", "gui_block_ms")
GOALS_S = {"correction": 0.5, "palette": 0.5, "hint": 0.5, "binding": 0.5, "mask": 2.0}


def _loop(width, height, sketch, reference, runs):  # type: ignore[no-untyped-def]
    """Runs inside Krita."""
    return loop(width, height, sketch, reference, runs)  # noqa: F821 - inside_loop's


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int, default=2480)
    parser.add_argument("--height", type=int, default=3508)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with ExitStack() as stack:
        display = stack.enter_context(screen.virtual_screen())
        krita = stack.enter_context(session.windowed(display))
        folder = str(Path(__file__).parent)
        krita.call(f"import sys\nsys.path.insert(0, {folder!r})\nfrom inside_loop import *")
        found = krita.call(
            _loop,
            timeout_s=3600,
            width=options.width,
            height=options.height,
            sketch=str(SAMPLE / "sketch.png"),
            reference=str(SAMPLE / "reference.png"),
            runs=options.runs,
        )
    rows = {
        name: {column: median(run[column] for run in runs) for column in COLUMNS}
        for name, runs in found.items()
    }
    print("repair", *COLUMNS, "goal", sep="\t")
    for name, row in rows.items():
        print(name, *(f"{row[column]:.2f}" for column in COLUMNS), GOALS_S[name], sep="\t")
    print(f"load {os.getloadavg()[0]:.1f}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
