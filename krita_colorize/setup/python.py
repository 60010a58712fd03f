"""Finds a Python for the backend, or downloads one with uv. Krita's own Python is too old and has no `venv`."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from krita_colorize.core.errors import UserError
from krita_colorize.core.handshake import environment
from krita_colorize.core.translations import tr
from krita_colorize.setup.builds import read_table

_QUESTION = (
    "import sys, ssl, venv, json; "
    "print(json.dumps([list(sys.version_info[:2]), sys.executable, sys.maxsize > 2**32]))"
)
_PATIENCE_S = 15


@dataclass(frozen=True)
class Python:
    """A Python that works."""

    path: Path
    version: str  # "3.12"

    @property
    def tag(self) -> str:
        """The tag in the names of wheels."""
        return "cp" + self.version.replace(".", "")


def find(home: Path, wheels: Path | None = None) -> Python | None:
    """The best installed Python, including those downloaded by uv; for a folder of wheels, one that fits them."""
    supported = read_table()["python"]["supported"]
    wanted = tag_of(wheels) if wheels is not None else ""
    best: Python | None = None
    for path in dict.fromkeys(_candidates(home, supported)):
        found = ask(path)
        if found is None or found.version not in supported or (wanted and found.tag != wanted):
            continue
        if best is None or supported.index(found.version) < supported.index(best.version):
            best = found
        if supported.index(best.version) == 0 or wanted:
            break
    return best


def ask(path: Path) -> Python | None:
    """Runs a Python and returns its data; None if it doesn't run, is 32-bit, or lacks modules for an environment."""
    try:
        done = subprocess.run(
            [str(path), "-I", "-c", _QUESTION],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
            env=environment(os.environ, ""),
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        version, executable, is_64_bit = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return Python(Path(executable), ".".join(map(str, version))) if is_64_bit else None


def tag_of(wheels: Path) -> str:
    """The tag of the Python for which a folder's torch is built, such as "cp311"; "" if the folder has no torch."""
    for path in sorted(wheels.glob("torch-*.whl")):
        found = re.search(r"-(cp\d+)-", path.name)
        if found:
            return found[1]
    return ""


def uv_key() -> str:
    """The key of this machine's uv in the table."""
    machine = platform.machine().lower()
    return f"{platform.system()} {'x86_64' if machine == 'amd64' else machine}"


def unpack_uv(wheel: Path, folder: Path) -> Path:
    """Extracts the program from uv's wheel."""
    name = "uv.exe" if os.name == "nt" else "uv"
    try:
        with zipfile.ZipFile(wheel) as archive:
            inside = next(entry for entry in archive.namelist() if entry.endswith(f"/scripts/{name}"))
            folder.mkdir(parents=True, exist_ok=True)
            target = folder / name
            with archive.open(inside) as source, target.with_suffix(".new").open("wb") as file:
                shutil.copyfileobj(source, file)
    except (zipfile.BadZipFile, StopIteration) as error:
        raise UserError(
            tr("{name} contains no program. Delete it, then press Install again.", name=wheel.name)
        ) from error
    target.with_suffix(".new").chmod(0o755)
    os.replace(target.with_suffix(".new"), target)
    return target


def brought(home: Path) -> Iterator[Path]:
    """The Pythons that uv has downloaded."""
    pattern = "*/python.exe" if os.name == "nt" else "*/bin/python3"
    yield from sorted((home / "backend" / "python").glob(pattern))


def _candidates(home: Path, supported: Sequence[str]) -> Iterator[Path]:
    """Yields possible paths of Python, the likely ones first."""
    yield from brought(home)
    names = [*(f"python{version}" for version in supported), "python3", "python"]
    for name in names:
        found = shutil.which(name)
        # Windows has a placeholder that opens its store instead of running Python.
        if found and "WindowsApps" not in found:
            yield Path(found)
    if os.name == "nt":
        yield from _on_windows(supported)
    elif sys.platform == "darwin":
        for version in supported:
            yield Path(f"/Library/Frameworks/Python.framework/Versions/{version}/bin/python3")
            yield Path(f"/opt/homebrew/bin/python{version}")
    for version in supported:
        yield Path(f"/usr/bin/python{version}")
        yield Path(f"/usr/local/bin/python{version}")


def _on_windows(supported: Sequence[str]) -> Iterator[Path]:
    launcher = shutil.which("py")
    if launcher:
        done = subprocess.run(
            [launcher, "-0p"], capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
        yield from (Path(line) for line in re.findall(r"[A-Za-z]:\\.*?python\.exe", done.stdout))
    for folder in (os.environ.get("LOCALAPPDATA", ""), os.environ.get("PROGRAMFILES", "")):
        for version in supported:
            number = version.replace(".", "")
            yield Path(folder, "Programs", "Python", f"Python{number}", "python.exe")
            yield Path(folder, f"Python{number}", "python.exe")
