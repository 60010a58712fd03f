"""The installed backends and the file that names the active one: `COLORIZE_HOME/backend.json`.

The docker starts the backend that `backend.json` names (docs/wire.md, "Start"). An installation is in
`backend/VERSION-NUMBER/`; other folders there are leftovers. The backend of a clone (`./colorize krita`) has no such
folder.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from krita_colorize.core.errors import UserError
from krita_colorize.core.translations import tr

FOLDER = "backend"
DOWNLOADS = "downloads"
_NUMBERED = re.compile(r"^(.+)-(\d+)$")


@dataclass(frozen=True)
class Installed:
    """A backend that has passed its check and was activated."""

    command: tuple[str, ...]
    version: str
    folder: str = ""  # inside `backend/`; "": not installed by set-up
    build: str = ""

    @property
    def complete(self) -> bool:
        """Whether its program still exists."""
        return bool(self.command) and shutil.which(self.command[0]) is not None


@dataclass(frozen=True)
class Pointer:
    """The content of backend.json: the active backend and the previous one."""

    current: Installed | None = None
    previous: Installed | None = None


def read(home: Path) -> Pointer:
    """Reads backend.json; empty if the file is missing or damaged."""
    try:
        data = json.loads((home / "backend.json").read_text("utf-8"))
    except (OSError, ValueError):
        return Pointer()
    if not isinstance(data, dict):
        return Pointer()
    return Pointer(_installed(data), _installed(data.get("previous")))


def write(home: Path, pointer: Pointer) -> None:
    """Atomically writes backend.json, which activates a backend."""
    current = pointer.current
    assert current is not None, "nothing to point at; that is `remove`'s"
    data = _record(current)
    if pointer.previous is not None:
        data["previous"] = _record(pointer.previous)
    home.mkdir(parents=True, exist_ok=True)
    new = home / "backend.json.new"
    with new.open("w", encoding="utf-8") as file:
        file.write(json.dumps(data, indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, home / "backend.json")


def next_folder(home: Path, version: str) -> Path:
    """An unused name for an installation's folder."""
    numbers = [0]
    for path in (home / FOLDER).glob(f"{version}-*"):
        found = _NUMBERED.match(path.name)
        if found:
            numbers.append(int(found[2]))
    return home / FOLDER / f"{version}-{max(numbers) + 1}"


def leftovers(home: Path) -> list[Path]:
    """Folders of installations that were interrupted or replaced."""
    pointer = read(home)
    kept = {item.folder for item in (pointer.current, pointer.previous) if item is not None}
    folders = (path for path in (home / FOLDER).glob("*-*") if path.is_dir() and _NUMBERED.match(path.name))
    return sorted(path for path in folders if path.name not in kept)


def is_unfinished(home: Path) -> bool:
    """Whether an installation was interrupted; its downloaded files are used when it is started again."""
    return bool(leftovers(home)) or any((home / FOLDER / DOWNLOADS).glob("*"))


def clean(home: Path, *, downloads: bool) -> None:
    """Removes leftovers; with `downloads` also the downloaded files."""
    for folder in leftovers(home):
        shutil.rmtree(folder, ignore_errors=True)
    if downloads:
        shutil.rmtree(home / FOLDER / DOWNLOADS, ignore_errors=True)


def roll_back(home: Path) -> Installed:
    """Activates the previous backend and returns it. Raises `UserError` if it no longer exists."""
    pointer = read(home)
    if pointer.previous is None or not pointer.previous.complete:
        raise UserError(tr("There is no earlier colour engine to go back to."))
    write(home, Pointer(pointer.previous, pointer.current))
    return pointer.previous


def uninstall(home: Path) -> None:
    """Removes every colour engine that set-up installed; models, results, settings and logs stay."""
    (home / "backend.json").unlink(missing_ok=True)  # first, so that a partly removed backend isn't started
    shutil.rmtree(home / FOLDER, ignore_errors=True)
    if (home / FOLDER).exists():
        raise UserError(
            tr(
                "Some files in {folder} are in use. Close other Kritas, then remove it again.",
                folder=home / FOLDER,
            )
        )


def _installed(data: Any) -> Installed | None:
    if not isinstance(data, dict) or not isinstance(data.get("command"), list) or not data["command"]:
        return None
    texts = (str(data.get(name, "")) for name in ("version", "folder", "build"))
    return Installed(tuple(map(str, data["command"])), *texts)


def _record(item: Installed) -> dict[str, Any]:
    return {
        "command": list(item.command),
        "version": item.version,
        "folder": item.folder,
        "build": item.build,
    }
