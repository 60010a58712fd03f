"""What every test may need: an offscreen Qt, a home of its own, and the pictures beside the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

# Machines that do other things as well are slow now and then.
hypothesis_settings.register_profile("patient", deadline=None)
hypothesis_settings.load_profile("patient")

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Lets Krita's tests run in other Kritas than the installed one."""
    text = "run Krita's tests in this one: installed, 5.2, 5.3 or 6; may be repeated"
    parser.addoption("--krita", action="append", metavar="VERSION", help=text)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with fixtures and corpora that aren't part of the repository."""
    folder = Path(os.environ.get("COLORIZE_SHARED") or REPOSITORY.parent / "shared")
    if not folder.is_dir():
        pytest.skip("no shared folder beside the repository (COLORIZE_SHARED)")
    return folder


@pytest.fixture(scope="session")
def corpus(shared: Path) -> Path:
    """The corpus of sketches, references and truths."""
    folder = shared / "corpus"
    if not folder.is_dir():
        pytest.skip("no corpus in the shared folder (COLORIZE_SHARED)")
    return folder


@pytest.fixture(scope="session", autouse=True)
def isolated_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models, logs and settings of the tests stay away from the user's."""
    home = tmp_path_factory.mktemp("home")
    os.environ["COLORIZE_HOME"] = str(home)
    return home
