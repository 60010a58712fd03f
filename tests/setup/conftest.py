"""A home, a bundle, and a package index of stand-in wheels."""

import hashlib
import shutil
import sys
import threading
from pathlib import Path

import pytest
import stand_in_wheels

from krita_colorize.setup import builds, install, python, wheels
from krita_colorize.setup.download import Rules
from krita_colorize.setup.processes import Runner

BUILD = builds.Build("cpu", "CPU", "+cpu", "", download_mb=1, disk_mb=1, memory_mb=1)
RULES = Rules(("127.0.0.1",), secure=False, timeout_s=20, tries=2, pause_s=0.01)


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def bundle(tmp_path):
    return stand_in_wheels.bundle(tmp_path / "bundle")


@pytest.fixture
def folder(tmp_path):
    return stand_in_wheels.wheels(tmp_path / "wheels")


@pytest.fixture(scope="session")
def this_python():
    """The Python that runs the tests, as set-up sees it."""
    found = python.ask(Path(sys.base_prefix) / ("python.exe" if sys.platform == "win32" else "bin/python3"))
    return found or python.ask(Path(sys.executable))


@pytest.fixture(scope="session")
def pip_wheel(this_python, tmp_path_factory):
    """The pip that comes with Python: no test fetches one."""
    runner = Runner(tmp_path_factory.mktemp("pip"), threading.Event())
    return wheels.bundled_pip(runner, this_python.path)


@pytest.fixture
def index(tmp_path, pip_wheel, monkeypatch):
    """A package index that pip and set-up's own downloads are led to."""
    folder = stand_in_wheels.wheels(tmp_path / "served", megabytes=3)
    shutil.copy(pip_wheel, folder)
    index = stand_in_wheels.Index(folder)
    sha256 = hashlib.sha256(pip_wheel.read_bytes()).hexdigest()
    tool = {"url": f"{index.url}/files/{pip_wheel.name}", "sha256": sha256}
    monkeypatch.setattr(install, "_tools", lambda: {"pip": {"": tool}, "uv": {}})
    monkeypatch.setenv("PIP_INDEX_URL", f"{index.url}/simple/")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "COLORIZE_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    yield index
    index.shutdown()
    index.server_close()


@pytest.fixture
def set_up(home, bundle, this_python, monkeypatch):
    """Installs; keywords change the order."""
    monkeypatch.setattr(python, "find", lambda *_: this_python)  # asking every Python here takes a while

    def run(on_progress=lambda _: None, stop=None, **changes):
        order = install.Order(**{"home": home, "build": BUILD, "bundle": bundle, "rules": RULES} | changes)
        return install.install(order, on_progress, stop or threading.Event())

    return run
