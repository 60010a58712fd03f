"""Sketches as artists have them, coloured by us from a reference and by programs that fill between lines from dots.

    .venv/bin/python benchmarks/documents.py FOLDER [--fill NAME ...] [--only CASE ...] [--json FILE] [--page FILE]

FOLDER holds a folder for each case: `sketch.png`, `reference.png`, `truth.png` (flat colours), `labels.png` (which part
of the figure each pixel belongs to, 0 = paper) and `lines.png` (255 = ink). Ours is `colorize run` with the reference,
which is in the same pose, and nothing else. G'MIC's "Colorize lineart [smart coloring]" and Krita's Colorize Mask
(Krita 5.2 and later; another Krita is taken from `PATH`) are told the truth: a dot of the right colour in the middle of
each piece of each part, and of the paper, that the lines enclose. All run with their own defaults.

A figure's pixel off the lines (dilated by 5 x 5) is right where its colour lies within CIEDE2000 10 of the truth's, a
part where nine tenths of its pixels are. What fills between lines is judged without the sketch on it.

`--json` keeps what was measured, also of runs before, so that one `--fill` can be measured anew; `--page` writes the
table to a page.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
GMIC = "fx_colorize_lineart_smart 1,95,0,0,1,24,200,0,75,2,60,20,90,1,10,1"
"""Mode 1 is colour spots on the top layer; the others are the filter's defaults."""
LARGEST_DOT = 8
SMALLEST_DOT = 1.5
"""Radii in pixels; a piece that holds no dot of the smaller one gets none."""
MARK = "## Results\n"
TITLES = {"ours": "ours", "gmic": "G'MIC", "colorize_mask": "Colorize Mask"}

Score = tuple[float, float]
"""Share of the figure's pixels and of its parts that are right."""
Fill = Callable[[Path, Path], str]
"""Colours a case's folder into a picture; a sentence where it doesn't."""


def score(case: Path, result: Path) -> Score:
    """What came out against the truth."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    got = np.asarray(Image.open(result).convert("RGBA"))[..., :3]
    truth, labels = _read(case / "truth.png")[..., :3], _read(case / "labels.png")
    judged = (labels > 0) & (cv2.dilate(_read(case / "lines.png"), np.ones((5, 5), np.uint8)) < 20)
    right = deltaE_ciede2000(rgb2lab(got[judged] / 255), rgb2lab(truth[judged] / 255)) < 10
    parts = labels[judged]
    whole = [right[parts == part].mean() > 0.9 for part in np.unique(parts)]
    return float(right.mean()), float(np.mean(whole))


def dots(case: Path) -> NDArray[np.uint8]:
    """(H, W, 4): a dot of the truth's colour in the middle of each piece that the lines enclose."""
    truth, labels = _read(case / "truth.png"), _read(case / "labels.png")
    paper = _read(case / "lines.png") < 20
    spots = np.zeros((*labels.shape, 4), np.uint8)
    for part in np.unique(labels):
        _, pieces, boxes, _ = cv2.connectedComponentsWithStats(
            ((labels == part) & paper).astype(np.uint8), connectivity=4
        )
        for piece, (left, top, width, height, _) in enumerate(boxes[1:], 1):
            here = slice(top, top + height), slice(left, left + width)
            room = np.pad(pieces[here] == piece, 1).astype(np.uint8)
            reach = cv2.distanceTransform(room, cv2.DIST_L2, 5)[1:-1, 1:-1]
            y, x = np.unravel_index(reach.argmax(), reach.shape)
            if reach[y, x] >= SMALLEST_DOT:
                colour = [int(value) for value in truth[top + y, left + x, :3]]
                radius = int(min(LARGEST_DOT, reach[y, x] / 2))
                cv2.circle(spots, (int(left + x), int(top + y)), radius, (*colour, 255), -1)
    return spots


def _read(path: Path) -> NDArray[np.uint8]:
    return np.asarray(Image.open(path))


def ours(case: Path, out: Path) -> str:
    """The built-in engine from the reference alone."""
    command = [
        sys.executable,
        "-m",
        "colorizer",
        "run",
        case / "sketch.png",
        "--reference",
        case / "reference.png",
    ]
    done = subprocess.run([*command, "-o", out], check=False, capture_output=True, text=True)
    return done.stderr.strip()[-200:] if done.returncode else ""


def gmic(case: Path, out: Path) -> str:
    """G'MIC's filter from dots."""
    spots = out.with_name("spots.png")
    Image.fromarray(dots(case)).save(spots)
    command = ["gmic", spots, case / "sketch.png", *GMIC.split(), "keep[2]", "o", out]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.stderr.strip()[-200:] if done.returncode else ""


def _mask_of_krita(stack: ExitStack) -> Fill | str:
    """Krita's Colorize Mask from dots, in a Krita that ends with the stack; a sentence where it doesn't run."""
    from colorizer_lab.krita import session

    if shutil.which("kritarunner") is None:
        return "kritarunner isn't installed (Debian: apt install krita)"
    krita = stack.enter_context(session.headless())
    paths = [str(ROOT), str(ROOT / "benchmarks")]
    krita.call(f"import sys\nsys.path[:0] = {paths}\nfrom inside_mask import *")
    if not krita.call(_can):
        return "this Krita makes no Colorize Masks from scripts (5.2 and later do)"

    def fill(case: Path, out: Path) -> str:
        marks = out.with_name("marks.png")
        Image.fromarray(dots(case)).save(marks)
        krita.call(_fill, timeout_s=1800, sketch=str(case / "sketch.png"), marks=str(marks), out=str(out))
        return ""

    return fill


def _can():  # type: ignore[no-untyped-def]
    """Runs inside Krita."""
    return can()  # type: ignore[name-defined] # noqa: F821 - inside_mask's


def _fill(sketch, marks, out):  # type: ignore[no-untyped-def]
    """Runs inside Krita."""
    return (yield from fill(sketch, marks, out))  # type: ignore[name-defined] # noqa: F821 - inside_mask's


def fills(names: list[str], stack: ExitStack) -> dict[str, Fill]:
    """Those of `names` that run here; says of the others why they don't."""
    found: dict[str, Fill | str] = {"ours": ours}
    found["gmic"] = gmic if shutil.which("gmic") else "it isn't installed (Debian: apt install gmic)"
    if "colorize_mask" in names:
        found["colorize_mask"] = _mask_of_krita(stack)
    for name in names:
        if isinstance(found[name], str):
            print(f"{name} is left out: {found[name]}.")
    return {name: fill for name in names if not isinstance(fill := found[name], str)}


def measure(case: Path, fill: Fill) -> dict[str, object]:
    """`pixels` and `parts` that are right, and what was said where nothing came out."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.png"
        sentence = fill(case, out)
        pixels, parts = (0.0, 0.0) if sentence else score(case, out)
    return {"pixels": round(pixels, 3), "parts": round(parts, 3), "sentence": sentence}


def table(rows: dict[str, dict[str, dict[str, object]]]) -> str:
    """Markdown: a row for each case; the highest share of pixels is bold."""
    names = [name for name in TITLES if any(name in row for row in rows.values())]
    lines = ["| case | " + " | ".join(TITLES[name] for name in names) + " |", "|---" * (len(names) + 1) + "|"]
    for case, row in rows.items():
        best = max((float(str(one["pixels"])) for one in row.values()), default=0.0)
        lines.append(
            f"| {case.replace('_', ' ')} | " + " | ".join(_cell(row.get(name), best) for name in names) + " |"
        )
    for title, pick in (("mean", np.mean), ("worst", np.min)):
        values = {
            name: {
                key: float(pick([float(str(row[name][key])) for row in rows.values() if name in row]))
                for key in ("pixels", "parts")
            }
            for name in names
        }
        best = max(one["pixels"] for one in values.values())
        lines.append(f"| **{title}** | " + " | ".join(_cell(values[name], best) for name in names) + " |")
    return "\n".join(lines)


def _cell(figures: dict[str, object] | dict[str, float] | None, best: float) -> str:
    if figures is None:
        return ""
    pixels, parts = (float(str(figures[key])) for key in ("pixels", "parts"))
    shown = f"{pixels:.3f}"
    return f"**{shown}** ({parts:.2f})" if pixels >= best - 0.0005 else f"{shown} ({parts:.2f})"


def main() -> int:
    """Measures what was asked for and prints the table of all that is known."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fill", nargs="*", choices=list(TITLES), default=list(TITLES))
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    cases = sorted(path.parent for path in options.folder.glob("*/sketch.png"))
    if not cases:
        print(f"{options.folder} holds no cases, a folder with a sketch.png each: nothing is measured.")
        return 0
    known = options.json is not None and options.json.is_file()
    rows = json.loads(options.json.read_text(encoding="utf-8")) if known else {}
    with ExitStack() as stack:
        for name, fill in fills(options.fill, stack).items():
            for case in cases:
                if options.only and case.name not in options.only:
                    continue
                rows.setdefault(case.name, {})[name] = found = measure(case, fill)
                print(
                    f"{case.name:32s} {name:14s} {found['pixels']:.3f} {found['parts']:.2f} {found['sentence']}",
                    flush=True,
                )
                if options.json:
                    options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print(table(dict(sorted(rows.items()))))
    if options.page:
        before, _, _ = options.page.read_text(encoding="utf-8").partition(MARK)
        options.page.write_text(f"{before}{MARK}\n{table(dict(sorted(rows.items())))}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
