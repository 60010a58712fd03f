"""Downloads packages with their registries' own clients, checks their hashes and unpacks them into the cache.

Cached packages are not downloaded again, so everything works offline afterwards. The cache is `COLORIZE_ART`, or a
folder in the platform's cache folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from colorizer import paths
from colorizer.errors import InvalidInput

from colorizer_lab.data.art.families import Package


def cache_folder() -> Path:
    """The folder of packages and prepared pictures."""
    chosen = os.environ.get("COLORIZE_ART")
    return Path(chosen) if chosen else paths.cache() / "art"


def shared_folder() -> Path:
    """The folder beside the clone with pictures that no registry has (`COLORIZE_SHARED`)."""
    chosen = os.environ.get("COLORIZE_SHARED")
    return Path(chosen) if chosen else Path(__file__).resolve().parents[4].parent / "shared"


def unpacked(package: Package) -> Path:
    """The folder of a package's files; downloads it if it is not cached.

    Raises:
        InvalidInput: the download fails, or the archive is not the pinned one.
    """
    if package.client == "shared":
        folder = shared_folder() / package.name
        if not folder.is_dir():
            raise InvalidInput(f"{folder} is missing. Set COLORIZE_SHARED to the folder that contains it.")
        return folder
    folder = cache_folder() / "packages" / f"{_plain(package.name)}-{_plain(package.version)}"
    if not folder.is_dir():
        archive = _fetched(package)
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        if package.client == "npm":
            with tarfile.open(archive) as content:
                content.extractall(part, filter="data")
        else:
            subprocess.run(["dpkg-deb", "-x", str(archive), str(part)], check=True)
        os.replace(part, folder)
    return folder


def _fetched(package: Package) -> Path:
    """The path of the package's complete archive."""
    archives = cache_folder() / "archives"
    archives.mkdir(parents=True, exist_ok=True)
    file = archives / f"{_plain(package.name)}-{_plain(package.version)}"
    if not file.is_file():
        place = archives / ".part"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        commands = {
            "npm": ["npm", "pack", "--silent", f"{package.name}@{package.version}"],
            "debian": ["apt-get", "download", "-qq", f"{package.name}={package.version}"],
        }
        try:
            subprocess.run(commands[package.client], cwd=place, check=True, capture_output=True)
            (fetched,) = place.iterdir()
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            raise InvalidInput(
                f"{package.name} {package.version} can't be downloaded with {commands[package.client][0]}. "
                f"Download its archive to {file}."
            ) from error
        os.replace(fetched, file)
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found != package.sha256:
        raise InvalidInput(
            f"{file} isn't the pinned archive: its SHA-256 is {found}. Delete it and try again."
        )
    return file


def _plain(text: str) -> str:
    return "".join(letter if letter.isalnum() or letter in ".-" else "_" for letter in text).strip("_")
