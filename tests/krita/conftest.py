"""Real Krita for the tests of this room: `krita` is kritarunner, offscreen; one process for all, new after a crash."""

import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest
from colorizer.krita_host import session

ROOT = Path(__file__).resolve().parents[2]
INSIDE = [ROOT, ROOT / "tests", Path(__file__).parent]


class Runner:
    """Keeps one headless Krita; starts another one when a test has ended it."""

    def __init__(self):
        self.stack = ExitStack()
        self.session = None

    def get(self):
        if self.session is None or self.session.process.poll() is not None:
            self.close()
            self.session = self.stack.enter_context(session.headless(python_path=INSIDE))
            self.session.call("import inside\nglobals().update(vars(inside))")
        return self.session

    def close(self):
        self.stack.close()
        self.session = None


@pytest.fixture(scope="session")
def runner():
    kept = Runner()
    yield kept
    kept.close()


@pytest.fixture
def krita(runner):
    if not shutil.which("kritarunner"):
        pytest.skip("kritarunner isn't installed: apt install krita")
    return runner.get()
