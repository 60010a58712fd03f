"""Fixtures recorded from the published programs: where they are, and which of them a test gets.

`pytest tests/parity --fixtures DIR` runs every folder of DIR. A folder that no test here knows is an error. Every case
prints its largest absolute difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import published
import pytest
import recorded as recorded_fixtures
from precision import told_time

HERE = Path(__file__).resolve().parent


def pytest_addoption(parser: pytest.Parser) -> None:
    # pytest has a flag of that name, which lists fixtures; `--funcargs` still does
    parser._anonymous._arggroup.conflict_handler = "resolve"
    parser.addoption("--fixtures", help="folder of recorded fixtures (default: parity in the shared folder)")


def fixture_root(config: pytest.Config) -> Path:
    chosen = config.getoption("--fixtures", default=None)
    shared = os.environ.get("COLORIZE_SHARED") or HERE.parents[2] / "shared"
    return Path(chosen) if chosen else Path(shared) / "parity"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`folder` becomes every fixture folder of the systems that a test module names in SYSTEMS."""
    root = fixture_root(metafunc.config)
    folders = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    if "any_folder" in metafunc.fixturenames:
        metafunc.parametrize("any_folder", folders, ids=lambda path: path.name)
    if {"folder", "case"} & set(metafunc.fixturenames):
        systems = metafunc.module.SYSTEMS
        folders = [path for path in folders if published.system_of(path) in systems]
        if "case" in metafunc.fixturenames:
            cases = [(path, name) for path in folders for name in metafunc.module.cases_of(path)]
            there = [(path, name) for path, name in cases if recorded(metafunc, path, f"{name}.")]
            check_found(metafunc, cases, there)
            cases = there
            ids = [f"{path.name}-{name}" for path, name in cases]
            metafunc.parametrize(("folder", "case"), cases, ids=ids)
        else:
            there = [path for path in folders if recorded(metafunc, path)]
            check_found(metafunc, folders, there)
            folders = there
            metafunc.parametrize("folder", folders, ids=lambda path: path.name)


def recorded(metafunc: pytest.Metafunc, folder: Path, prefix: str = "") -> bool:
    """Whether the folder holds what the test says it needs (`published.needs`)."""
    marks = metafunc.definition.iter_markers("needs")
    return all(published.records(folder, prefix + mark.args[0]) for mark in marks)


def check_found(metafunc: pytest.Metafunc, all_of_the_system: list, those_with_the_arrays: list) -> None:
    """An array that a test needs must be recorded somewhere in a folder of fixtures that somebody gave."""
    if (
        metafunc.config.getoption("--fixtures", default=None)
        and all_of_the_system
        and not those_with_the_arrays
    ):
        needed = ", ".join(mark.args[0] for mark in metafunc.definition.iter_markers("needs"))
        pytest.fail(f"{metafunc.definition.nodeid}: no fixture records {needed}")


def pytest_configure(config: pytest.Config) -> None:
    chosen = config.getoption("--fixtures", default=None)
    if chosen and not Path(chosen).is_dir():
        raise pytest.UsageError(f"--fixtures: there is no folder {chosen}")
    config.addinivalue_line("markers", "needs(name): runs where a fixture records an array of that name")


@pytest.fixture
def agree(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]):
    """Compares pairs and, at the end, prints the largest difference of the test."""
    differences = published.Differences()
    yield differences
    with capsys.disabled():
        print(f"\n{request.node.name}: {differences}", end="")


@pytest.fixture
def fixture(folder: Path, capsys: pytest.CaptureFixture[str]):
    """A folder of arrays and weights; at the end prints the difference of every case that was checked."""
    opened = recorded_fixtures.open_fixture(folder)
    yield opened
    with capsys.disabled():
        print("", *opened.take_differences(), sep="\n")


@pytest.fixture
def recorded_time(fixture: recorded_fixtures.Fixture):
    """Networks of this test are told the time as the recorded ones were."""
    with told_time(fixture.rates):
        yield
