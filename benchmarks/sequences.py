"""Sequences through `colorize batch`: how alike their frames are coloured, engine by engine, in one run.

    python benchmarks/sequences.py CORPUS [--engines match,colorflow] [--model FOLDER] [--size 256] [--steps 4]

`together` is the command as it is; `frame by frame` is match with --no-consistent. ColorFlow colours every page from
the one pool with one seed; without --model it is a small network of random weights, which shows that the way works and
what the shared last stage gives, not what trained weights would do. The figures are those of
`colorizer_lab.evaluation.sequences`; `truth` is the truth's own, whose regions may be shaded. Seconds are the
processor's, of the whole command.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

WAYS = {
    "match": (("match, frame by frame", ["--engine", "match", "--no-consistent"]), ("match, together", [])),
    "colorflow": (("colorflow, one pool", ["--engine", "colorflow"]),),
}


def lay_out(frames, folder: Path) -> None:
    """A sequence as a folder of pages and one of masks."""
    for name in ("pages", "masks"):
        (folder / name).mkdir(parents=True)
    for number, frame in enumerate(frames):
        shutil.copyfile(frame.case.sketch, folder / "pages" / f"{number:03}.png")
        if frame.case.sketch_mask is not None:
            shutil.copyfile(frame.case.sketch_mask, folder / "masks" / f"{number:03}.png")


def colour(folder: Path, references, words, home: Path) -> tuple[list[np.ndarray], float]:
    """The pages as the command colours them, flat RGBA, and its processor seconds."""
    from colorizer.imaging.pictures import read_picture

    output = folder / "out"
    shutil.rmtree(output, ignore_errors=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [
            *(sys.executable, "-m", "colorizer", "batch", folder / "pages", "-o", output),
            *("--sketch-masks", folder / "masks"),
            *(word for path in references for word in ("--reference", path)),
            *words,
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "COLORIZE_HOME": str(home)},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return [read_picture(path) for path in sorted(output.glob("*.png"))], seconds


def install(model: str, home: Path) -> None:
    """Makes a ColorFlow model the only one of a home."""
    (home / "models").mkdir(parents=True)
    if model:
        (home / "models" / Path(model).name).symlink_to(Path(model).resolve(), target_is_directory=True)
        return
    from colorflow import small_model

    small_model().save(home / "models" / "small")


def row(name: str, way: str, figures, seconds: float) -> None:
    """One line."""
    print(
        f"{name:30s} {way:22s} largest {figures.largest:6.2f}  mean {figures.mean:6.2f}  differing"
        f" {figures.differing:.3f}  right {figures.area_within_10:.3f}  {seconds:6.1f} s",
        flush=True,
    )


def main() -> None:
    from colorizer_lab.evaluation.corpus import read_corpus
    from colorizer_lab.evaluation.sequences import Consistency, judged_frames, pose_strip

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--engines", default="match,colorflow")
    parser.add_argument("--model", default="")
    parser.add_argument("--size", default="256")
    parser.add_argument("--steps", default="4")
    words = parser.parse_args()
    ways = [way for engine in words.engines.split(",") for way in WAYS[engine]]
    found: dict[str, list[tuple[Consistency, float]]] = {}
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "home"
        install(words.model, home)
        for item in (item for item in read_corpus(words.corpus) if item.kind == "sequence"):
            frames = judged_frames(item)
            lay_out(frames, Path(place) / item.id)
            strip = pose_strip([frame.problem for frame in frames])
            found.setdefault("truth", []).append((strip.of_truth(), 0.0))
            row(item.id, "truth", *found["truth"][-1])
            for way, more in ways:
                more = [*more, "--size", words.size, "--steps", words.steps] if "colorflow" in way else more
                pages, seconds = colour(Path(place) / item.id, item.cases[0].references, more, home)
                found.setdefault(way, []).append((strip.judge(pages), seconds))
                row(item.id, way, *found[way][-1])
    for way, rows in found.items():
        figures = [list(vars(figures).values()) for figures, _ in rows]
        row("mean", way, Consistency(*np.mean(figures, axis=0)), float(np.mean([each for _, each in rows])))


if __name__ == "__main__":
    main()
