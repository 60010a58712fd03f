"""Starts real Krita with a temporary profile and controls it, for the demo and for the tests in real Krita.

Each session has its own home folder, settings and `COLORIZE_HOME`, and ends the Krita that it started. `call` runs a
Python function inside Krita; `pointer.py` clicks and draws on the screen. The user's own Krita isn't touched. Krita's
first start with a new profile takes long, so the resource database of a profile is kept in the user's cache folder.
"""

from __future__ import annotations

import inspect
import json
import os
import shutil
import subprocess
import tempfile
import textwrap
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from colorizer import paths
from colorizer.errors import ColorizerError
from colorizer.files import write_atomically
from colorizer.krita_host import install

DRIVER = "colorize_driver"

START_S = 240
"""Krita's first start fills its resource database: 20 s on an idle machine, minutes on a busy one."""

DRIVER_DESKTOP = f"""[Desktop Entry]
Type=Service
ServiceTypes=Krita/PythonPlugin
X-KDE-Library={DRIVER}
X-Python-2-Compatible=false
Name=Krita Colorize test driver
"""


class KritaEnded(ColorizerError):
    """Krita ended during a session."""

    code = "krita_ended"


class ScriptFailed(Exception):
    """A function raised an exception inside Krita; the message is its traceback."""


class Session:
    """A running Krita. Made by `headless`, `windowed` and `bare`."""

    def __init__(self, process: subprocess.Popen[bytes], home: Path, environment: dict[str, str]) -> None:
        self.process = process
        self.home = home
        self.environment = environment
        self._folder = Path(environment["COLORIZE_DRIVER"])
        self._requests = 0

    def call(self, function: Callable[..., Any] | str, *, timeout_s: float = 60, **arguments: Any) -> Any:
        """Runs a function (or code) inside Krita and returns its value, which must be JSON-serializable.

        The function's source code is sent, so the function can use only its arguments, `krita`, and names that earlier
        code has defined. A generator function is resumed at every tick of the driver. Raises `ScriptFailed`,
        `KritaEnded` and `TimeoutError`.
        """
        code = function if isinstance(function, str) else textwrap.dedent(inspect.getsource(function))
        name = "" if isinstance(function, str) else function.__name__
        self._requests += 1
        request = self._folder / f"{self._requests}.json"
        text = json.dumps({"code": code, "name": name, "arguments": arguments})
        write_atomically(request, text)
        answer = self._wait_for(request.with_suffix(".answer"), timeout_s)
        if "error" in answer:
            raise ScriptFailed(answer["error"])
        return answer["value"]

    def define(self, function: Callable[..., Any]) -> None:
        """Defines a function inside Krita that later calls can use."""
        self.call(textwrap.dedent(inspect.getsource(function)))

    def wait_until(self, function: Callable[..., Any], *, timeout_s: float = 60, **arguments: Any) -> Any:
        """Calls a function inside Krita until it returns a true value; returns that value."""
        deadline = time.monotonic() + timeout_s
        while True:
            value = self.call(function, **arguments)
            if value:
                return value
            if time.monotonic() > deadline:
                raise TimeoutError(f"`{function.__name__}` stayed false for {timeout_s:.0f} s")
            time.sleep(0.1)

    def xdotool(self, *words: object) -> None:
        """Runs one xdotool command on this Krita's display."""
        command = ["xdotool", *(str(word) for word in words)]
        subprocess.run(command, env=self.environment, check=True, timeout=60, capture_output=True)

    def screenshot(self, path: Path) -> None:
        """Saves Krita's main window with the canvas as it is on the screen."""
        self.call(_grab_window, path=str(path.resolve()))  # Krita's working directory is another

    def end(self) -> None:
        """Kills Krita."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def log(self) -> str:
        """What Krita printed."""
        return (self.home / "krita.log").read_text(encoding="utf-8", errors="replace")

    def wait_for_start(self, timeout_s: float) -> None:
        """Waits until the driver answers."""
        self._wait_for_file(self._folder / "started", timeout_s)

    def _wait_for(self, path: Path, timeout_s: float) -> dict[str, Any]:
        self._wait_for_file(path, timeout_s)
        answer: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        path.unlink()
        return answer

    def _wait_for_file(self, path: Path, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not path.exists():
            if self.process.poll() is not None:
                raise KritaEnded(f"Krita ended with status {self.process.returncode}.\n{self.log()[-3000:]}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"Krita did not answer within {timeout_s:.0f} s")
            time.sleep(0.01)


@contextmanager
def headless(*, python_path: Sequence[Path] = ()) -> Iterator[Session]:
    """Runs Krita's library without windows, views or plugins (`kritarunner`); starts in about a second."""
    if not shutil.which("kritarunner"):
        raise install.NoKrita("kritarunner isn't installed. It comes with Krita's packages.")
    with tempfile.TemporaryDirectory(prefix="krita-", ignore_cleanup_errors=True) as folder:
        environment = _environment(Path(folder), "headless")
        environment |= {"QT_QPA_PLATFORM": "offscreen", "COLORIZE_DRIVER_PATH": _joined(python_path)}
        _put_driver(Path(folder) / ".local/share/kritarunner/pykrita")
        with _started(["kritarunner", "-s", DRIVER, "-f", "serve"], environment) as session:
            yield session
        _keep_warm(Path(folder), "headless")


@contextmanager
def windowed(
    display: str,
    *,
    files: Sequence[Path] = (),
    backend: Sequence[str] = (),
    settings: dict[str, str] | None = None,
    variables: dict[str, str] | None = None,
) -> Iterator[Session]:
    """Runs Krita with the docker on a display.

    Args:
        display: the X display, such as ":7".
        files: pictures to open.
        backend: the command that starts the backend.
        settings: values for kritarc by their keys ("group/key").
        variables: additional environment variables.
    """
    program = install.require_krita()
    with tempfile.TemporaryDirectory(prefix="krita-", ignore_cleanup_errors=True) as folder:
        environment = _environment(Path(folder), "windowed") | {"DISPLAY": display} | (variables or {})
        folders = install.user_folders(environment)
        install.install(folders)
        _put_driver(folders.plugins)
        install.switch_on(folders.settings, "enable_" + DRIVER)
        for key, value in (settings or {}).items():
            section, _, name = key.rpartition("/")
            install.switch_on(folders.settings, name, section, value)
        command = list(backend) or install.default_backend_command()
        install.write_backend_file(Path(environment["COLORIZE_HOME"]), command)
        with _started([str(program), "--nosplash", *map(str, files)], environment) as session:
            session.wait_until(_window_is_up)
            yield session
        _keep_warm(Path(folder), "windowed")


@contextmanager
def bare(display: str, home: Path, *, variables: dict[str, str] | None = None) -> Iterator[Session]:
    """Runs Krita without the docker, with a profile in `home` that is kept, to test installing it and restarting."""
    program = install.require_krita()
    environment = _environment(home, "windowed") | {"DISPLAY": display} | (variables or {})
    folders = install.user_folders(environment)
    _put_driver(folders.plugins)
    install.switch_on(folders.settings, "enable_" + DRIVER)
    with _started([str(program), "--nosplash"], environment) as session:
        session.wait_until(_window_is_up)
        yield session


@contextmanager
def _started(command: list[str], environment: dict[str, str]) -> Iterator[Session]:
    home = Path(environment["HOME"])
    with open(home / "krita.log", "wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=home)
    session = Session(process, home, environment)
    try:
        session.wait_for_start(START_S)
        yield session
    finally:
        session.end()


def _environment(home: Path, kind: str) -> dict[str, str]:
    """The environment for a profile in `home`; a new profile is copied from the cache if there is one."""
    warm = _warm_profile(kind)
    driver = home / "driver"
    if warm is not None and not driver.exists():
        shutil.copytree(warm, home, dirs_exist_ok=True)
    shutil.rmtree(driver, ignore_errors=True)
    driver.mkdir(mode=0o700)
    return _bare_environment(home) | {"COLORIZE_DRIVER": str(driver)}


def _bare_environment(home: Path) -> dict[str, str]:
    kept = install.krita_environment()
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        kept.pop(name, None)
    runtime = home / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    own = {"HOME": str(home), "XDG_RUNTIME_DIR": str(runtime), "COLORIZE_HOME": str(home / "colorize")}
    return kept | own | {"PYTHONDONTWRITEBYTECODE": "1"}


def _put_driver(plugins: Path) -> None:
    folder = plugins / DRIVER
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(__file__).with_name("driver.py"), folder / "__init__.py")
    (plugins / f"{DRIVER}.desktop").write_text(DRIVER_DESKTOP, encoding="utf-8")


def _warm_profile(kind: str) -> Path | None:
    """The cached profile of an earlier session, None if there is none."""
    kept = _cache_folder() / kind
    return kept if kept.is_dir() else None


def _keep_warm(home: Path, kind: str) -> None:
    """Caches the resource database of a finished session for later profiles, unless there is one already."""
    kept = _cache_folder() / kind
    if kept.exists():
        return
    new = kept.with_name(f"{kind}.{os.getpid()}")
    shutil.copytree(home, new, ignore=_not_resources)
    try:
        os.rename(new, kept)
    except OSError:  # another process has stored one in the meantime
        shutil.rmtree(new, ignore_errors=True)


def _not_resources(_folder: str, names: list[str]) -> set[str]:
    """The files of a profile that aren't Krita's own resources, to be left out of the cache."""
    unwanted = {"pykrita", "driver", "runtime", "colorize", "krita.log", ".config", ".cache"}
    return unwanted & set(names)


def _cache_folder() -> Path:
    """The cache for this Krita, by its path and modification time: an older Krita can't open a newer database."""
    program = install.find_krita()
    stamp = f"{zlib.crc32(bytes(program)):08x}-{int(program.stat().st_mtime)}" if program else "0"
    return paths.cache() / f"krita-profile-{stamp}"


def _joined(folders: Sequence[Path]) -> str:
    return os.pathsep.join(str(folder) for folder in folders)


def _window_is_up() -> bool:
    """Runs inside Krita: whether its main window has been shown."""
    window = krita.Krita.instance().activeWindow()  # type: ignore[name-defined] # noqa: F821
    return window is not None and window.qwindow().isVisible()


def _grab_window(path: str) -> None:
    """Runs inside Krita: saves its main window from the screen."""
    window = krita.Krita.instance().activeWindow().qwindow()  # type: ignore[name-defined] # noqa: F821
    corner = window.frameGeometry()
    screen = window.screen()
    image = screen.grabWindow(0, corner.x(), corner.y(), corner.width(), corner.height())
    if not image.save(path, "png"):
        raise OSError(f"could not write {path}")
