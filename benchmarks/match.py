"""The match engine's whole path on one core, beside the study's prototype, G'MIC's line art colouring and Krita's
Colorize Mask (Krita 5.2 and later; another Krita is taken from `PATH`).

    .venv/bin/python benchmarks/match.py [--sides 1024 2048 4096] [--repeats 3] [--json FILE]

Every contestant gets the same drawing (one of the project's own) and reads it from memory, except G'MIC, a program of
its own, whose start and files are in its time; `gmic` that does nothing is timed as well. The best of the repeats
counts, in seconds by the clock and of the processor (`cpu`), because these machines are shared. The prototype runs from
`COLORIZE_SHARED` with random weights; what it finds is meaningless, what it takes is not.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("COLORIZE_SHARED") or ROOT.parent / "shared")
SEED = 11
GMIC = "fx_colorize_lineart_smart 0,0.95,48,4,0,0,0,0,1,24,200,0,75,0,1,1"
ONE_CORE = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "MKL_NUM_THREADS": "1"}
TARGET_PROTOTYPE = 2.0


def draw(side: int, folder: Path) -> None:
    """The drawing and its reference at one size, as files."""
    import numpy as np
    from colorizer.imaging.pictures import write_png
    from colorizer_lab.data.drawing import triplet

    drawn = triplet(SEED, side)
    write_png(folder / "sketch.png", np.repeat(drawn.sketch[..., None], 3, axis=2))
    write_png(folder / "reference.png", triplet(SEED, 768).reference)


def best(call: Callable[[], object], repeats: int) -> dict[str, float]:
    """Seconds of the fastest of some runs, children of this process included."""
    runs = []
    for _ in range(repeats):
        start, before = time.perf_counter(), _processor_s()
        call()
        runs.append((time.perf_counter() - start, _processor_s() - before))
    return {"clock": round(min(run[0] for run in runs), 3), "cpu": round(min(run[1] for run in runs), 3)}


def _processor_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def ours(folder: Path, repeats: int) -> dict[str, float]:
    """The engine through its door; without masks, so that it finds the figures itself."""
    import cv2
    import torch
    from colorizer.engines.base import ColorizeRequest, Reference
    from colorizer.engines.match.engine import MatchEngine
    from colorizer.engines.pages import with_pages
    from colorizer.imaging.pictures import read_picture
    from colorizer_lab.silent import Silent

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    engines = [
        with_pages(MatchEngine()) for _ in range(repeats + 1)
    ]  # one that knows the picture skips most of it
    for engine in engines:
        engine.load("cpu")
    request = ColorizeRequest(
        read_picture(folder / "sketch.png"), (Reference(read_picture(folder / "reference.png")),)
    )
    engines.pop().colorize(request, Silent())
    return best(lambda: engines.pop().colorize(request, Silent()), repeats)


def prototype(folder: Path, repeats: int) -> dict[str, float]:
    """The study's way: regions, network, read-out, painting."""
    import cv2
    import numpy as np
    import torch

    sys.path.insert(0, str(SHARED / "prototype"))
    import model_r  # type: ignore[import-not-found]
    import pipe  # type: ignore[import-not-found]
    import segm  # type: ignore[import-not-found]

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = model_r.Retr().eval()
    line = cv2.imread(str(folder / "sketch.png"), cv2.IMREAD_GRAYSCALE)
    reference = cv2.imread(str(folder / "reference.png"))[..., ::-1].astype(np.float32) / 255

    def whole_path() -> object:
        grey = line.astype(np.float32) / 255
        labels = segm.segment_big(grey, alpha=0.45, gap=0.02)
        colours, _, _ = pipe.retr2(network, pipe.prep(grey, reference), labels, tta=False, temp=1.5)
        return np.rint(colours * 255).clip(0, 255).astype(np.uint8)[labels]

    whole_path()
    return best(whole_path, repeats)


def gmic(folder: Path, repeats: int) -> dict[str, float]:
    """Regions in random colours, no reference."""
    sketch, out = str(folder / "sketch.png"), str(folder / "gmic.png")
    return best(lambda: _quietly(["gmic", sketch, *GMIC.split(), "o", out]), repeats)


def colorize_mask(folder: Path, repeats: int) -> dict[str, float]:
    """Krita's Colorize Mask with key strokes from our own result: no reference, no choice of colours."""
    from colorizer.engines.base import ColorizeRequest, Reference
    from colorizer.engines.registry import get
    from colorizer.imaging.key_strokes import key_strokes
    from colorizer.imaging.pictures import read_picture, write_png
    from colorizer_lab.krita import session
    from colorizer_lab.silent import Silent

    sketch, reference = read_picture(folder / "sketch.png"), read_picture(folder / "reference.png")
    engine = get("match")
    engine.load("cpu")
    found = engine.colorize(ColorizeRequest(sketch, (Reference(reference),)), Silent())
    marks = key_strokes(found.layers, sketch.shape[1], sketch.shape[0])
    assert marks is not None, "the engine's flats have few colours"
    write_png(folder / "marks.png", marks.pixels)
    with session.headless() as krita:
        paths = [str(ROOT), str(ROOT / "benchmarks")]
        krita.call(f"import sys\nsys.path[:0] = {paths}\nfrom inside_mask import *")
        if not krita.call(_can):
            return {}
        pictures = {"sketch": str(folder / "sketch.png"), "marks": str(folder / "marks.png")}
        runs = [krita.call(_fill, timeout_s=1800, **pictures) for _ in range(repeats)]
    return {name: min(run[name] for run in runs) for name in ("clock", "cpu", "held")}


def _can():  # type: ignore[no-untyped-def]
    """Runs inside Krita."""
    return can()  # type: ignore[name-defined] # noqa: F821 - inside_mask's


def _fill(sketch, marks):  # type: ignore[no-untyped-def]
    """Runs inside Krita."""
    return (yield from fill(sketch, marks))  # type: ignore[name-defined] # noqa: F821 - inside_mask's


def _quietly(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, env=os.environ | ONE_CORE)


CONTESTANTS = {"ours": ours, "prototype": prototype, "gmic": gmic, "colorize_mask": colorize_mask}


def missing() -> dict[str, str]:
    """Contestants that can't run here, and why."""
    found = {}
    if not (SHARED / "prototype" / "pipe.py").is_file():
        found["prototype"] = f"there is no prototype in {SHARED} (COLORIZE_SHARED)"
    if shutil.which("gmic") is None:
        found["gmic"] = "gmic isn't installed (Debian: apt install gmic)"
    if shutil.which("kritarunner") is None:
        found["colorize_mask"] = "kritarunner isn't installed (Debian: apt install krita)"
    return found


def measure(name: str, folder: Path, repeats: int) -> dict[str, float]:
    """One contestant in a process of its own."""
    command = [sys.executable, __file__, "--only", name, str(folder), "--repeats", str(repeats)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ | ONE_CORE, text=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def verdict(rows: dict[int, dict[str, dict[str, float]]]) -> list[str]:
    """The targets, met or not."""
    lines = []
    for side, row in rows.items():
        if "prototype" in row:
            ratio = row["ours"]["cpu"] / row["prototype"]["cpu"]
            said = "met" if ratio <= TARGET_PROTOTYPE else "MISSED"
            lines.append(f"{side}: {ratio:.2f} times the prototype's processor time, at most 2: {said}")
        if "gmic" in row:
            ratio = row["gmic"]["cpu"] / row["ours"]["cpu"]
            lines.append(f"{side}: {ratio:.1f} times as fast as G'MIC: {'met' if ratio > 1 else 'MISSED'}")
        if "colorize_mask" in row:
            ratio = row["colorize_mask"]["cpu"] / row["ours"]["cpu"]
            lines.append(f"{side}: {ratio:.1f} times as fast as Krita's Colorize Mask")
    return lines


def main() -> None:
    """Measures every size and contestant in turn and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sides", type=int, nargs="+", default=[1024, 2048, 4096])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", nargs=2, metavar=("NAME", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(CONTESTANTS[options.only[0]](Path(options.only[1]), options.repeats)))
        return
    absent = missing()
    for name, reason in absent.items():
        print(f"{name} is left out: {reason}.")
    if "gmic" not in absent:
        print("gmic alone, to start and end:", best(lambda: _quietly(["gmic", "v", "-"]), 3))
    rows: dict[int, dict[str, dict[str, float]]] = {}
    for side in options.sides:
        with tempfile.TemporaryDirectory() as folder:
            draw(side, Path(folder))
            names = [name for name in CONTESTANTS if name not in absent]
            rows[side] = {name: measure(name, Path(folder), options.repeats) for name in names}
        if rows[side].get("colorize_mask") == {}:
            del rows[side]["colorize_mask"]
            print(
                "colorize_mask is left out: this Krita makes no Colorize Masks from scripts (5.2 and later do)."
            )
        for name, row in rows[side].items():
            print(f"{side:5d}  {name:10s} clock {row['clock']:7.2f} s   cpu {row['cpu']:7.2f} s", flush=True)
    print("load of the machine:", os.getloadavg())
    print(*verdict(rows), sep="\n")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
