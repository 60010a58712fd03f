"""Builds a release from a clone: the zip for Krita, wheels and sdist of the backend, and their hashes.

The builds are reproducible: the same sources give the same bytes (the date is `SOURCE_DATE_EPOCH` or a fixed one).
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import colorizer
from colorizer.errors import ColorizerError
from colorizer.files import atomic_file, write_atomically
from colorizer.krita_host import install, manual

SUMS = "SHA256SUMS"

BUNDLE = install.PLUGIN + "/setup/bundle/"
"""Folder in the zip where the docker's set-up page looks for the backend's wheel."""


class NoClone(ColorizerError):
    """A release can only be built in a clone of the repository."""

    code = "no_clone"


def release(folder: Path) -> Sequence[Path]:
    """Makes all files of a release and returns them, `SHA256SUMS` last. Raises `NoClone` outside a clone."""
    folder.mkdir(parents=True, exist_ok=True)
    made = [package(folder / f"krita_colorize-{colorizer.__version__}.zip")]
    with tempfile.TemporaryDirectory(dir=folder) as unfinished:
        for build in (build_wheel, build_lab_wheel, build_sdist):
            built = build(Path(unfinished))
            os.replace(built, folder / built.name)
            made.append(folder / built.name)
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in made]
    sums = folder / SUMS
    write_atomically(sums, "".join(sorted(lines)))
    return [*made, sums]


def package(zip_path: Path) -> Path:
    """Makes the zip for Krita's "Import Python Plugin from File"; the same sources give the same bytes.

    The zip contains the backend's wheel, which the docker's set-up page installs. Raises `NoClone` outside a clone.
    """
    source = install.plugin_source()
    # Krita's importer finds a plugin by its folder's entry in the zip.
    contents: dict[str, bytes] = {install.PLUGIN + "/": b""}
    # The importer copies `actions/` to Krita's own folder. A second copy in the plugin's folder would be read, too.
    contents["actions/" + install.ACTIONS] = (
        source / install.PLUGIN / "actions" / install.ACTIONS
    ).read_bytes()
    for path in [source / install.DESKTOP, *(source / install.PLUGIN).rglob("*")]:
        if not {"__pycache__", "actions"} & set(path.relative_to(source).parts):
            name = path.relative_to(source).as_posix()
            contents[name + "/" if path.is_dir() else name] = b"" if path.is_dir() else path.read_bytes()
    contents[f"{install.PLUGIN}/{manual.NAME}"] = manual.html()
    contents[BUNDLE] = b""
    contents[BUNDLE + "constraints.txt"] = (_clone() / "constraints.txt").read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        wheel = build_wheel(Path(folder))
        contents[BUNDLE + wheel.name] = wheel.read_bytes()
    zip_path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(zip_path) as new, zipfile.ZipFile(new, "w") as archive:
        for name in sorted(contents):
            _add(archive, name, contents[name])
    return zip_path


def build_wheel(folder: Path) -> Path:
    """Builds the backend's wheel from this clone into a folder. Raises `NoClone`."""
    return _build(_clone(), folder, "wheel", "krita_colorize-*.whl")


def build_lab_wheel(folder: Path) -> Path:
    """Builds the wheel of `colorizer_lab` from this clone into a folder. Raises `NoClone`."""
    return _build(_clone() / "backend/colorizer_lab", folder, "wheel", "krita_colorize_lab-*.whl")


def build_sdist(folder: Path) -> Path:
    """Packs the sources of both from this clone into a folder. Raises `NoClone`."""
    return _build(_clone(), folder, "sdist", "*.tar.gz")


def _build(project: Path, folder: Path, kind: str, names: str) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder.resolve())]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    found = list(folder.glob(names))
    if done.returncode != 0 or not found:
        raise NoClone(
            f"The {kind} can't be built ({done.stderr.strip()[-200:]}). Run ./colorize test once, which installs what"
            " building needs."
        )
    return found[0]


def _clone() -> Path:
    """The folder of the clone that this program runs from."""
    root = Path(__file__).resolve().parents[2]
    if not (root / "constraints.txt").is_file():
        raise NoClone(
            "A release can only be built in a clone of the repository. Run ./colorize package there."
        )
    return root


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3
    entry.external_attr = (0o40755 << 16 | 0x10) if name.endswith("/") else 0o100644 << 16
    archive.writestr(entry, data)
