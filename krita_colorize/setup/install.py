"""Installs the backend step by step: Python, plan, downloads, environment, check, switch.

Every step can be interrupted at any point (cancel, crash, `kill -9`, full disk). The active installation stays in use:
a new one is built beside it, and `backend.json` is changed only after the new one has passed its check. Downloaded
files are kept, so that the next start continues from there.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from krita_colorize.core.errors import UserError
from krita_colorize.core.translations import tr
from krita_colorize.setup import download, pointer, python, wheels
from krita_colorize.setup.builds import Build, read_table, torch_version
from krita_colorize.setup.download import FULL, File, Rules, disk_is_full
from krita_colorize.setup.pointer import DOWNLOADS, FOLDER, Installed, Pointer
from krita_colorize.setup.processes import Runner

BUNDLE = Path(__file__).with_name("bundle")
"""The folder of the backend's wheel and constraints.txt, which are added when the zip is made; a clone has none."""

NO_BUNDLE = (
    "This copy of the docker doesn't contain the colour engine. Get the packaged zip, or run `./colorize krita`"
    " in the clone."
)
OFFLINE = (
    "Downloads are switched off on this computer (COLORIZE_OFFLINE=1). Install from a folder, or unset it."
)
BUSY = "Another Krita is installing the colour engine. Wait until it is done."


@dataclass(frozen=True)
class Order:
    """The settings of an installation. `folder` is a folder of wheels; None downloads them."""

    home: Path
    build: Build
    folder: Path | None = None
    bundle: Path = BUNDLE
    rules: Rules = Rules()


@dataclass(frozen=True)
class Progress:
    """The progress. `fraction` is 0..1 of the whole installation, `bytes_done` the bytes downloaded since the start."""

    words: str
    fraction: float
    bytes_done: int = 0


OnProgress = Callable[[Progress], None]


def bundled_version(bundle: Path = BUNDLE) -> str:
    """The version of the backend in this docker's bundle, "" if there is none."""
    found = sorted(bundle.glob("krita_colorize-*.whl"))
    return found[-1].name.split("-")[1] if found else ""


def needed_mb(order: Order) -> int:
    """The disk space in MB that an installation needs while it is made."""
    return order.build.disk_mb + (0 if order.folder else order.build.download_mb)


def install(order: Order, on_progress: OnProgress, stop: threading.Event) -> Installed:
    """Installs, checks and activates the backend; returns it. Raises `UserError`, or `download.Stopped`."""
    if not bundled_version(order.bundle):
        raise UserError(NO_BUNDLE)
    if order.folder is not None and not order.folder.is_dir():
        raise UserError(tr("The folder {folder} doesn't exist.", folder=order.folder))
    if order.folder is None and os.environ.get("COLORIZE_OFFLINE") == "1":
        raise UserError(OFFLINE)
    with _lock(order.home):
        try:
            return _Installation(order, on_progress, stop).run()
        except OSError as error:
            if error.errno in FULL:
                raise disk_is_full(order.home) from error
            raise UserError(
                tr(
                    "{file} can't be used ({why}). Close other programs that use it, then press Install again.",
                    file=error.filename or order.home,
                    why=error.strerror or error,
                )
            ) from error


class _Installation:
    """One run of all steps."""

    def __init__(self, order: Order, on_progress: OnProgress, stop: threading.Event) -> None:
        self._order, self._on_progress, self._stop = order, on_progress, stop
        self._runner = Runner(order.home, stop)
        self._downloads = order.home / FOLDER / DOWNLOADS
        self._constraints = order.bundle / "constraints.txt"
        self._bytes, self._fraction = 0, 0.0

    def run(self) -> Installed:
        self._runner.log(f"== installing {bundled_version(self._order.bundle)} ({self._order.build.name})")
        pointer.clean(self._order.home, downloads=False)
        self._check_disk()
        self._downloads.mkdir(parents=True, exist_ok=True)
        found = self._find_python()
        pip = self._get_pip(found.path)
        files = self._plan(found, pip)
        paths = self._download(files)
        return self._build(found, pip, paths)

    def _say(self, words: str, fraction: float) -> None:
        if self._stop.is_set():
            raise download.Stopped
        self._fraction = max(self._fraction, min(fraction, 1.0))  # never backwards
        self._on_progress(Progress(words, self._fraction, self._bytes))

    def _check_disk(self) -> None:
        place = self._order.home
        while not place.exists():
            place = place.parent
        free, needed = shutil.disk_usage(place).free // 10**6, needed_mb(self._order)
        here = sum(path.stat().st_size for path in self._downloads.glob("*")) // 10**6
        if free + here < needed:
            raise UserError(
                tr(
                    "{needed} MB are needed in {folder}, but only {free} MB are free. Free some space, then press"
                    " Install again.",
                    needed=needed,
                    folder=self._order.home,
                    free=free,
                )
            )

    # -- Python and pip ------------------------------------------------------------------------------------------

    def _find_python(self) -> python.Python:
        self._say(tr("Looking for Python"), 0.0)
        found = python.find(self._order.home, self._order.folder)
        if found is None and (self._order.folder is None or list(self._order.folder.glob("uv-*.whl"))):
            self._bring_python()
            found = python.find(self._order.home, self._order.folder)
        if found is None:
            tag = python.tag_of(self._order.folder) if self._order.folder else ""
            wanted = f"3.{tag[3:]}" if tag else read_table()["python"]["brought"]
            raise UserError(
                tr(
                    "No fitting Python is on this computer. Install Python {version} from python.org, "
                    "then press Install again.",
                    version=wanted,
                )
            )
        return found

    def _bring_python(self) -> None:
        """Lets uv download a Python into the user's folder."""
        self._say(tr("Fetching Python"), 0.01)
        entry = _tools()["uv"].get(python.uv_key())
        folder = self._order.folder
        local = sorted(folder.glob("uv-*.whl")) if folder is not None else []
        if entry is None and not local:
            return
        wheel = local[-1] if local else self._fetch(_tool(entry))
        uv = python.unpack_uv(wheel, self._order.home / FOLDER / "tools")
        place = self._order.home / FOLDER / "python"
        version = read_table()["python"]["brought"]
        self._runner.run(
            [uv, "python", "install", "--no-config", "--install-dir", place, "--no-bin", version],
            variables={"UV_CACHE_DIR": str(self._downloads / "uv")},
        )  # if it fails, no Python is found afterwards, which raises an error

    def _get_pip(self, interpreter: Path) -> Path:
        if self._order.folder is None:
            return self._fetch(_tool(_tools()["pip"][""]))
        local = sorted(self._order.folder.glob("pip-*.whl"))
        return local[-1] if local else wheels.bundled_pip(self._runner, interpreter)

    # -- plan and downloads --------------------------------------------------------------------------------------

    def _plan(self, found: python.Python, pip: Path) -> tuple[File, ...]:
        self._say(tr("Finding out what to install"), 0.02)
        order = self._order
        key = f"{bundled_version(order.bundle)} {order.build.name} {found.tag} {order.folder or ''}"
        path = self._downloads / "plan.json"
        files = wheels.load_plan(path, key)
        if files and all(_still_there(file) for file in files):
            return files
        backend = sorted(order.bundle.glob("krita_colorize-*.whl"))[-1]
        # The owner of a folder has chosen the build, so any torch in it is used.
        torch = "torch" if order.folder else order.build.torch(torch_version(self._constraints))
        wanted = wheels.Wanted(backend, torch, self._constraints, order.build.index, order.folder)
        files = wheels.plan(self._runner, found.path, pip, wanted, self._downloads)
        wheels.save_plan(path, key, files)
        return files

    def _download(self, files: tuple[File, ...]) -> list[Path]:
        paths = []
        for file in files:
            local = wheels.local_path(file.url)
            if local is None:
                paths.append(self._fetch(file))
            elif file.sha256 and download.sha256_of(local) != file.sha256:
                raise UserError(
                    tr("{name} changed while it was being read. Press Install again.", name=local.name)
                )
            else:
                paths.append(local)
        return paths

    def _fetch(self, file: File) -> Path:
        """Downloads one file. The total size is estimated by the table of builds, because the indexes don't give it."""
        name, before = file.name.split("-")[0], self._bytes
        whole = self._order.build.download_mb * 1e6

        def on_bytes(done: int, total: int) -> None:
            self._bytes = before + done
            self._say(
                tr(
                    "Downloading {name}: {done} of {total} MB",
                    name=name,
                    done=f"{done / 1e6:.1f}",
                    total=f"{total / 1e6:.1f}",
                ),
                0.03 + 0.6 * min(self._bytes / whole, 1.0),
            )

        try:
            return download.fetch(file, self._downloads, self._order.rules, on_bytes, self._stop)
        except UserError:
            (self._downloads / "plan.json").unlink(
                missing_ok=True
            )  # next time the index may give another address
            raise

    # -- environment, check, switch ------------------------------------------------------------------------------

    def _build(self, found: python.Python, pip: Path, paths: list[Path]) -> Installed:
        order, version = self._order, bundled_version(self._order.bundle)
        folder = pointer.next_folder(order.home, version)
        self._say(tr("Making the environment"), 0.64)
        ended = self._runner.run([found.path, "-I", "-m", "venv", "--without-pip", folder])
        if ended.code != 0:
            raise UserError(wheels.explain(ended, order.home))
        interpreter = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

        def on_done(count: int) -> None:
            words = tr("Installing {done} of {total}", done=count, total=len(paths))
            self._say(words, 0.65 + 0.28 * count / len(paths))

        wheels.install(self._runner, interpreter, pip, paths, on_done)
        self._check(interpreter)
        new = Installed(
            (str(interpreter), "-m", "colorizer", "serve"), version, folder.name, order.build.name
        )
        self._switch(new)
        return new

    def _check(self, interpreter: Path) -> None:
        self._say(tr("Checking that it works"), 0.94)
        ended = self._runner.run([interpreter, "-m", "colorizer", "doctor", "--json"])
        findings = _last_json(ended.output)
        if not findings.get("usable"):
            lacking = [
                item for item in findings.get("findings", ()) if item.get("needed") and not item.get("works")
            ]
            raise UserError(
                tr(
                    "It was installed, but it doesn't work here ({what}), so the previous state was kept. Try"
                    " another build; the details are in the log.",
                    what="; ".join(f"{item['name']}: {item['detail']}"[:120] for item in lacking)
                    or ended.code,
                )
            )

    def _switch(self, new: Installed) -> None:
        """Activates the new installation."""
        self._say(tr("Done"), 1.0)
        home = self._order.home
        before = pointer.read(home).current
        worked = before is not None and before.complete and before.version != new.version
        earlier = (
            pointer.read(home).previous if before is not None and before.version == new.version else None
        )
        pointer.write(home, Pointer(new, before if worked else earlier))
        self._runner.log(f"== installed in {new.folder}")
        pointer.clean(home, downloads=True)


def _still_there(file: File) -> bool:
    local = wheels.local_path(file.url)
    return local is None or local.is_file()


def _last_json(output: str) -> dict[str, Any]:
    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            try:
                found: dict[str, Any] = json.loads(line)
                return found
            except ValueError:
                break
    return {}


def _tools() -> dict[str, Any]:
    tools: dict[str, Any] = json.loads(Path(__file__).with_name("tools.json").read_text("utf-8"))
    return tools


def _tool(entry: dict[str, str]) -> File:
    return File(entry["url"].rpartition("/")[2], entry["url"], entry["sha256"])


@contextmanager
def _lock(home: Path) -> Iterator[None]:
    """Locks the home folder for one installation; the system releases the lock when the process ends.

    Raises `UserError`.
    """
    (home / FOLDER).mkdir(parents=True, exist_ok=True)
    with (home / FOLDER / "setup.lock").open("a+b") as file:
        try:
            if os.name == "nt":
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(BUSY) from error
        yield
