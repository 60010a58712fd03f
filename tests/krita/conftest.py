"""Real Krita for the tests of this room: `krita` is kritarunner, offscreen; `window` is a window on a virtual screen.

One kritarunner serves all tests and one window serves a module; a crash ends a process and the next test gets another.
"""

import os
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from colorizer.krita_host import install
from colorizer_lab.krita import other_krita, screen, session
from window_steps import DOCKER, empty

ROOT = Path(__file__).resolve().parents[2]
INSIDE = [ROOT, ROOT / "tests", Path(__file__).parent]
INSTALLED = "installed"


def pytest_configure(config):
    """Makes other Kritas before the first test, once for all processes."""
    for name in set(config.getoption("krita") or ()) - {INSTALLED}:
        try:
            other_krita.prepare(name)
        except other_krita.NoOtherKrita as error:
            raise pytest.UsageError(str(error)) from error


def pytest_generate_tests(metafunc):
    """A test in Krita runs in every Krita that was asked for, and tells in its name in which."""
    names = metafunc.config.getoption("krita")
    if names and "krita_on_path" in metafunc.fixturenames:
        metafunc.parametrize("krita_on_path", names, indirect=True, scope="session")


class Keeper:
    """Keeps one session; starts another one when a test has ended it."""

    def __init__(self, start, prelude):
        self.start = start
        self.prelude = prelude
        self.stack = ExitStack()
        self.session = None

    def get(self):
        if self.session is None or self.session.process.poll() is not None:
            self.close()
            self.session = self.stack.enter_context(self.start())
            paths = [str(path) for path in INSIDE]
            self.session.call(f"import sys\nsys.path[:0] = {paths}\n{self.prelude}")
        return self.session

    def close(self):
        self.stack.close()
        self.session = None


def keep(start, prelude):
    keeper = Keeper(start, prelude)
    try:
        yield keeper
    finally:
        keeper.close()


@pytest.fixture(scope="session")
def keeper():
    return keep


@pytest.fixture(scope="session")
def krita_on_path(request):
    """Puts the Krita that is tested first on `PATH`."""
    name = getattr(request, "param", INSTALLED)
    with pytest.MonkeyPatch.context() as patch:
        if name != INSTALLED:
            patch.setenv("PATH", str(other_krita.prepare(name)), prepend=os.pathsep)
        yield


@pytest.fixture(scope="session")
def headless_keeper(krita_on_path):
    yield from keep(session.headless, "import inside\nglobals().update(vars(inside))")


@pytest.fixture
def krita(headless_keeper):
    if not shutil.which("kritarunner"):
        pytest.skip("kritarunner isn't installed: apt install krita")
    return headless_keeper.get()


@pytest.fixture(scope="session")
def display(krita_on_path):
    missing = screen.missing_programs() + ([] if install.find_krita() else ["krita"])
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    with screen.virtual_screen() as name:
        yield name


@pytest.fixture(scope="module")
def docker_keeper(display, keeper):
    """Krita's window with the docker and the real backend."""
    backend = [sys.executable, "-m", "colorizer", "serve"]
    yield from keeper(lambda: session.windowed(display, backend=backend), DOCKER)


@pytest.fixture
def emptied(docker_keeper):
    """That window with no picture open."""
    krita = docker_keeper.get()
    krita.call(empty)
    return krita


def pytest_collection_modifyitems(items):
    """In a real window a press of the mouse is lost now and then: such a test has to pass once in three tries."""
    for item in items:
        if item.get_closest_marker("window"):
            item.add_marker(pytest.mark.flaky(reruns=2))
