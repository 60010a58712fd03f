"""Everything of a release into one folder: the zip for Krita, wheel and sdist of the backend, and their hashes.

The same sources give the same bytes, whoever makes them and when (`SOURCE_DATE_EPOCH`, else a fixed date).
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import colorizer
from colorizer.krita_host import install

SUMS = "SHA256SUMS"


def release(folder: Path) -> Sequence[Path]:
    """Makes all files of a release; raises `NoClone` outside a clone. Returns them, `SHA256SUMS` last."""
    folder.mkdir(parents=True, exist_ok=True)
    made = [install.package(folder / f"krita_colorize-{colorizer.__version__}.zip")]
    with tempfile.TemporaryDirectory(dir=folder) as unfinished:
        for built in (install.build_wheel(Path(unfinished)), install.build_sdist(Path(unfinished))):
            os.replace(built, folder / built.name)
            made.append(folder / built.name)
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in made]
    sums = folder / SUMS
    new = sums.with_name(SUMS + ".new")
    new.write_text("".join(sorted(lines)), encoding="utf-8")
    os.replace(new, sums)
    return [*made, sums]
