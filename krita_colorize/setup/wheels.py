"""Lets pip resolve the wheels to install, and install them into an environment. `download` downloads them.

pip is run from its own wheel, so that it needn't be installed in the Python that was found or in the environment.
"""

from __future__ import annotations

import json
import os
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from krita_colorize.core.errors import UserError
from krita_colorize.core.translations import tr
from krita_colorize.setup.download import FULL, File, disk_is_full
from krita_colorize.setup.processes import Ended, Runner

_PIP_OPTIONS = ("--disable-pip-version-check", "--no-input", "--quiet")
_MISLEADING = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE", "PIP_NO_DEPS", "PIP_DRY_RUN")
"""The user's pip settings that would install packages elsewhere; settings of mirrors and certificates are kept."""

_ALONE = {"PIP_CONFIG_FILE": os.devnull}

_EXTRAS = "[diffusion]"
"""Includes the packages for the published systems, so that an artist who downloads a model needn't install them."""

_BUNDLED_PIP = (
    "import ensurepip, glob, os; "
    "folders = ['/usr/share/python-wheels', os.path.join(os.path.dirname(ensurepip.__file__), '_bundled')]; "
    "print(*sum((sorted(glob.glob(os.path.join(f, 'pip-*.whl'))) for f in folders), []), sep='\\n')"
)


@dataclass(frozen=True)
class Wanted:
    """The requirements for pip. `folder` is the only source of wheels; None uses the package indexes."""

    backend: Path
    torch: str
    constraints: Path
    index: str = ""
    folder: Path | None = None


def plan(runner: Runner, python: Path, pip: Path, wanted: Wanted, scratch: Path) -> tuple[File, ...]:
    """Resolves the wheels to install. Raises `UserError`."""
    report = scratch / "report.json"
    places: list[list[str]] = [["--no-index", "--find-links", str(wanted.folder)]] if wanted.folder else [[]]
    if wanted.index and wanted.folder is None:
        # Tried second, because a mirror or folder in pip's settings may have it while the index isn't reachable.
        places.append(["--extra-index-url", wanted.index])
    ended = Ended(1, "")
    for place in places:
        report.unlink(missing_ok=True)
        ended = runner.run(
            [python, pip / "pip", *_plan_command(wanted, report), *place],
            variables=_ALONE if wanted.folder else None,
            without=("PIP_",) if wanted.folder else _MISLEADING,
        )
        if ended.code == 0 and report.is_file():
            return _read_report(report)
    raise UserError(explain(ended, scratch))


def _plan_command(wanted: Wanted, report: Path) -> list[str]:
    """The command for resolving. torch is first, so that an error about it comes at once."""
    options = ["--dry-run", "--ignore-installed", "--only-binary", ":all:", "--report", str(report)]
    constraints = ["--constraint", str(wanted.constraints)]
    return ["install", *_PIP_OPTIONS, *options, *constraints, wanted.torch, f"{wanted.backend}{_EXTRAS}"]


def install(
    runner: Runner, python: Path, pip: Path, wheels: Sequence[Path], on_done: Callable[[int], None]
) -> None:
    """Installs wheels into the environment of `python`; `on_done` is called with their number. Raises `UserError`."""
    site = _site_packages(python)
    command = [str(python), str(pip / "pip"), "install", *_PIP_OPTIONS, "--no-index", "--no-deps"]
    ended = runner.run(
        [*command, "--no-warn-script-location", *map(str, wheels)],
        on_tick=lambda: on_done(len(list(site.glob("*.dist-info")))),
        variables=_ALONE,
        without=("PIP_",),
    )
    if ended.code != 0:
        raise UserError(explain(ended, site))


def bundled_pip(runner: Runner, python: Path) -> Path:
    """The pip wheel that comes with a Python. Raises `UserError` if there is none (Debian without python3-venv)."""
    ended = runner.run([str(python), "-I", "-c", _BUNDLED_PIP])
    lines = ended.output.split("\n") if ended.code == 0 else []
    found = [Path(line.strip()) for line in lines if line.strip().endswith(".whl")]
    if not found:
        raise UserError(
            tr("The folder has no pip-….whl. Put one there (`pip download pip`), then press Install again.")
        )
    return found[-1]


def explain(ended: Ended, folder: Path) -> str:
    """The sentence for the artist for a failure of pip."""
    text = ended.output
    full = any(f"[Errno {number}]" in text for number in FULL)
    if full or "No space left" in text:
        return str(disk_is_full(folder))
    if "No matching distribution" in text or "ResolutionImpossible" in text:
        what = next((line for line in reversed(text.splitlines()) if "No matching" in line), "")
        return tr(
            "A required file is missing ({what}). Choose another build, or complete the folder and press Install"
            " again.",
            what=what.partition("for ")[2][:80] or "torch",
        )
    if any(sign in text for sign in ("Connection", "connection", "Could not fetch URL", "timed out", "SSL")):
        return tr(
            "The package index can't be reached. Check the network connection (the system's proxy is used), then"
            " press Install again, or install from a folder."
        )
    return tr(
        "The installation failed (code {code}). Press Install again; the details are in the log.",
        code=ended.code,
    )


def save_plan(path: Path, key: str, files: Sequence[File]) -> None:
    """Saves the list of wheels, so that an interrupted installation continues with the same files."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"key": key, "files": [asdict(file) for file in files]}, indent=1), "utf-8")
    os.replace(new, path)


def load_plan(path: Path, key: str) -> tuple[File, ...]:
    """The saved list of wheels for this key; () if there is none."""
    try:
        data = json.loads(path.read_text("utf-8"))
        if data["key"] != key:
            return ()
        return tuple(File(str(f["name"]), str(f["url"]), str(f["sha256"])) for f in data["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def local_path(url: str) -> Path | None:
    """The path of a `file:` address; None for other addresses."""
    parts = urllib.parse.urlsplit(url)
    return Path(urllib.request.url2pathname(parts.path)) if parts.scheme == "file" else None


def _read_report(report: Path) -> tuple[File, ...]:
    files = []
    for item in json.loads(report.read_text("utf-8"))["install"]:
        found = item["download_info"]
        name = urllib.parse.unquote(found["url"].rpartition("/")[2])
        sha256 = found.get("archive_info", {}).get("hashes", {}).get("sha256", "")
        if not sha256 and local_path(found["url"]) is None:
            raise UserError(
                tr(
                    "The package index has no SHA-256 for {name}, so it wasn't downloaded. Try again later, or"
                    " install from a folder.",
                    name=name,
                )
            )
        files.append(File(name, found["url"], sha256))
    return tuple(files)


def _site_packages(python: Path) -> Path:
    environment = python.parents[1]
    if os.name == "nt":
        return environment / "Lib" / "site-packages"
    return next(iter(sorted((environment / "lib").glob("python3*/site-packages"))), environment)
