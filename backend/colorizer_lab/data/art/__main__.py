"""`python -m colorizer_lab.data.art build` downloads and prepares real art; `families`, `sheet`, `deciding` show it."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
from colorizer.progress import ProgressBar
from PIL import Image

from colorizer_lab.data.art.deciding import write_deciding
from colorizer_lab.data.art.families import catalogue
from colorizer_lab.data.art.library import Library, build, open_library
from colorizer_lab.data.art.pairs import art_triplet


def table(library: Library) -> str:
    """The families as a Markdown table: source, licence, authors, pictures, split."""
    counts = Counter(entry.family for entry in library.entries)
    paired = Counter(entry.family for entry in library.entries if entry.partners)
    rows = [
        "| family | kind | package | licence | by | pictures | in pairs | split |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for family in catalogue().families:
        package = catalogue().packages[family.package]
        cells = (
            family.name,
            family.kind,
            f"{package.name} {package.version}",
            package.licence,
            package.authors,
            counts[family.name],
            paired[family.name],
            family.split,
        )
        rows.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    return "\n".join(rows)


def contact_sheet(library: Library, split: str, count: int, size: int, family: str = "") -> np.ndarray:
    """A sheet (H, W, 3) sRGB of triplets: sketch, reference, and the true colours of both."""
    numbers = [one for one in library.of(split) if family in ("", library.entries[one].family)]
    cells = []
    for seed in range(count):
        made = art_triplet(library, numbers, seed, 2 * size)
        truths = [made.palette[grid] * 255 for grid in (made.parts, made.reference_parts)]
        shown = [
            np.repeat(made.sketch[..., None], 3, 2),
            made.reference,
            *(one.astype(np.uint8) for one in truths),
        ]
        cells.append(np.concatenate(shown, 1)[::2, ::2])
    cells += [np.zeros_like(cells[0])] * (-len(cells) % 3)
    return np.concatenate([np.concatenate(cells[i : i + 3], 1) for i in range(0, len(cells), 3)])


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(prog="python -m colorizer_lab.data.art", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser(
        "build", help="fetch the packages, prepare the pictures, write the deciding corpus"
    )
    building.add_argument("--workers", type=int, default=1, help="processes")
    commands.add_parser("families", help="print the table of families")
    commands.add_parser("deciding", help="write the deciding corpus and print its folder")
    sheet = commands.add_parser("sheet", help="draw a contact sheet of triplets")
    sheet.add_argument("out", type=Path, help="PNG file to write")
    sheet.add_argument("--split", choices=["train", "deciding"], default="train")
    sheet.add_argument("--family", default="")
    sheet.add_argument("--count", type=int, default=36)
    sheet.add_argument("--size", type=int, default=128, help="edge of each picture, px")
    options = parser.parse_args()
    if options.command == "build":
        with ProgressBar() as bar:
            library = build(bar.stage, options.workers)
            write_deciding(library, bar.stage, options.workers)
    elif options.command == "families":
        print(table(open_library()))  # noqa: T201 - the command's output
    elif options.command == "deciding":
        print(write_deciding(open_library()))  # noqa: T201 - the command's output
    else:
        made = contact_sheet(open_library(), options.split, options.count, options.size, options.family)
        Image.fromarray(made).save(options.out)


if __name__ == "__main__":
    main()
