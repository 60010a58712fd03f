"""Real Krita for the tests of this room: `krita` is kritarunner, offscreen; `window` is a window on a virtual screen.

One kritarunner serves all tests and one window serves a module; a crash ends a process and the next test gets another.
"""

import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from colorizer.krita_host import install, screen, session

sys.path.insert(0, str(Path(__file__).parent))
from window_steps import DOCKER, empty  # noqa: E402 - lies beside this file

ROOT = Path(__file__).resolve().parents[2]
INSIDE = [ROOT, ROOT / "tests", Path(__file__).parent]


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
def headless_keeper():
    yield from keep(session.headless, "import inside\nglobals().update(vars(inside))")


@pytest.fixture
def krita(headless_keeper):
    if not shutil.which("kritarunner"):
        pytest.skip("kritarunner isn't installed: apt install krita")
    return headless_keeper.get()


@pytest.fixture(scope="session")
def display():
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
