"""Finds Krita and installs the docker, for a user or in a temporary profile.

It copies the plugin's files and enables the plugin, and changes nothing else. It refuses to run while that user's Krita
is open, because Krita writes its settings when it quits and would undo the change.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import colorizer
from colorizer import paths
from colorizer.errors import ColorizerError
from colorizer.files import write_atomically
from colorizer.krita_host import manual

PLUGIN = "krita_colorize"
DESKTOP = "colorize.desktop"
ACTIONS = PLUGIN + ".action"
ENABLE_KEY = "enable_" + PLUGIN

INHERITED = (
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
    "QT_QPA_PLATFORM",
    "QT_PLUGIN_PATH",
)
"""Environment variables that would make Krita load another Python or Qt."""


class NoKrita(ColorizerError):
    """Krita isn't installed."""

    code = "no_krita"


class KritaIsOpen(ColorizerError):
    """Krita is open and would overwrite the changed settings."""

    code = "krita_is_open"


class NoScreen(ColorizerError):
    """There is no display, and no virtual screen can be started."""

    code = "no_screen"


@dataclass(frozen=True)
class Folders:
    """The folder of resources and the settings file of one user's Krita."""

    resources: Path
    settings: Path

    @property
    def plugins(self) -> Path:
        """The folder of Python plugins."""
        return self.resources / "pykrita"


def find_krita() -> Path | None:
    """The path of Krita's program on this machine; None if it isn't found."""
    found = shutil.which("krita")
    if found:
        return Path(found)
    usual = {
        "Darwin": ["/Applications/krita.app/Contents/MacOS/krita"],
        "Windows": [r"C:\Program Files\Krita (x64)\bin\krita.exe", r"C:\Program Files\Krita\bin\krita.exe"],
    }
    return next((Path(p) for p in usual.get(platform.system(), []) if Path(p).exists()), None)


def krita_environment() -> dict[str, str]:
    """This process's environment for Krita, without the variables that would make it load another Python or Qt.

    Krita's Python finds its standard library by the first `python3` on `PATH`, so the one in Krita's folder must be
    first.
    """
    kept = {name: value for name, value in os.environ.items() if name not in INHERITED}
    program = find_krita()
    if program is not None:
        kept["PATH"] = os.pathsep.join([str(program.parent), *os.get_exec_path()])
    return kept


def require_krita() -> Path:
    """The path of Krita's program. Raises `NoKrita` if it isn't found."""
    program = find_krita()
    if program is None:
        raise NoKrita(
            "Krita isn't installed. Install it from krita.org or with your package manager, then try again."
        )
    return program


def user_folders(environment: dict[str, str] | None = None) -> Folders:
    """The folders of the user in whose environment (default: this process's) Krita runs."""
    values = dict(os.environ) if environment is None else environment
    home = Path(values.get("HOME") or Path.home())
    if platform.system() == "Windows":
        roaming, local = values.get("APPDATA", str(home)), values.get("LOCALAPPDATA", str(home))
        return Folders(Path(roaming) / "krita", Path(local) / "kritarc")
    if platform.system() == "Darwin":
        library = home / "Library"
        return Folders(library / "Application Support" / "krita", library / "Preferences" / "kritarc")
    data = Path(values.get("XDG_DATA_HOME") or home / ".local" / "share")
    config = Path(values.get("XDG_CONFIG_HOME") or home / ".config")
    return Folders(data / "krita", config / "kritarc")


def install_for_user(backend_command: list[str]) -> Path:
    """Installs the docker for this user and tells it how to start the backend; returns the plugin's folder."""
    folders = user_folders()
    if (
        not folders.resources.is_dir()
    ):  # a Krita that has a settings file exists, even if its program isn't found: AppImage
        require_krita()
    if _is_open(folders):
        raise KritaIsOpen("Krita is open. Close it, then run the command again.")
    installed = install(folders)
    write_backend_file(paths.home(), backend_command)
    return installed


def open_krita(files: list[Path]) -> int:
    """Installs the docker for this user and opens Krita with files; returns its exit status when it is closed."""
    program = require_krita()
    if not has_display():
        raise NoScreen(
            "There is no display to open Krita on. Run this on a desktop, or try `colorize demo`, which starts a"
            " virtual screen."
        )
    install_for_user(default_backend_command())
    command = [str(program), *map(str, files)]
    return subprocess.run(command, env=krita_environment(), check=False).returncode


def has_display() -> bool:
    """Whether the environment names a display and that display answers."""
    if os.environ.get("WAYLAND_DISPLAY"):
        return True
    if not os.environ.get("DISPLAY"):
        return os.name == "nt" or os.uname().sysname == "Darwin"
    if not shutil.which("xdotool"):
        return True
    answer = subprocess.run(["xdotool", "getdisplaygeometry"], capture_output=True, check=False, timeout=10)
    return answer.returncode == 0


def install(folders: Folders) -> Path:
    """Copies the docker into a profile and enables it; returns the plugin's folder."""
    folders.plugins.mkdir(parents=True, exist_ok=True)
    source, target = plugin_source(), folders.plugins / PLUGIN
    new = target.with_name(PLUGIN + ".new")
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(source / PLUGIN, new, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", "actions"))
    (new / manual.NAME).write_bytes(manual.html())
    shutil.rmtree(target, ignore_errors=True)
    os.replace(new, target)
    # Krita's own importer puts the file there, too. Krita also looks in the plugins' folders: one copy is enough.
    (folders.resources / "actions").mkdir(exist_ok=True)
    shutil.copyfile(source / PLUGIN / "actions" / ACTIONS, folders.resources / "actions" / ACTIONS)
    # The name that Krita's own importer uses, so that an import and an installation replace each other.
    shutil.copyfile(source / DESKTOP, folders.plugins / f"{PLUGIN}.desktop")
    switch_on(folders.settings, ENABLE_KEY)
    return target


def switch_on(settings: Path, key: str, section: str = "python", value: str = "true") -> None:
    """Sets one key in Krita's settings file and leaves every other line as it is."""
    lines = settings.read_text(encoding="utf-8").splitlines() if settings.exists() else []
    header = f"[{section}]"
    if header not in lines:
        lines += [header]
    start = lines.index(header) + 1
    end = next((i for i in range(start, len(lines)) if lines[i].startswith("[")), len(lines))
    kept = [line for line in lines[start:end] if line.partition("=")[0].strip() != key]
    text = "\n".join([*lines[:start], f"{key}={value}", *kept, *lines[end:]]) + "\n"
    write_atomically(settings, text)


def write_backend_file(home: Path, command: list[str]) -> Path:
    """Writes `backend.json`, from which the docker learns how to start the backend."""
    path = home / "backend.json"
    write_atomically(
        path, json.dumps({"command": command, "version": colorizer.__version__}, indent=1) + "\n"
    )
    return path


def default_backend_command() -> list[str]:
    """The command that starts this installation's backend."""
    return [sys.executable, "-m", "colorizer", "serve"]


def plugin_source() -> Path:
    """The folder of the plugin and its service file, in a clone or in an installed package."""
    shipped = paths.resource("plugin")
    return shipped if shipped.is_dir() else Path(__file__).resolve().parents[3]


def _is_open(folders: Folders) -> bool:
    """Whether a Krita that uses this settings file is running."""
    import psutil

    for process in psutil.process_iter(["name"]):
        if (process.info["name"] or "").lower() not in ("krita", "krita.exe"):
            continue
        try:
            environment = process.environ()
        except psutil.Error:  # the process belongs to another user or has just ended
            continue
        if user_folders(environment).settings == folders.settings:
            return True
    return False
