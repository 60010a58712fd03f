"""Numbers of the published programs, compared with ours: `pytest tests/parity --fixtures DIR`.

Every setting is read from a fixture's `config.json`; the largest absolute difference of every case is printed last.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

# The published numbers were made where MKL takes this path. Elsewhere its exp() differs in the last bit of one
# frequency of the time embedding, 3e-5 at time 999, for the published programs as well. MKL reads it at its first call.
os.environ.setdefault("MKL_CBWR", "AVX")

KNOWN = {
    "animediffusion",
    "colorflow_pixart",
    "colorflow_retrieval",
    "colorflow_sd",
    "colorflow_superres",
}
ELSEWHERE = "cd_"  # ColorizeDiffusion's

_differences: list[tuple[str, float, float]] = []


class Fixture:
    """One folder of arrays and weights that a published program left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = json.loads((folder / "config.json").read_text("utf-8"))

    @cached_property
    def arrays(self) -> dict[str, torch.Tensor]:
        with np.load(self.folder / "cases.npz") as file:
            return {name: torch.from_numpy(file[name]) for name in file.files}

    def weights(self, name: str) -> dict[str, torch.Tensor]:
        state = load_file(self.folder / name)
        return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}

    def keys(self, name: str = "full_keys.json") -> dict[str, list]:
        return json.loads((self.folder / name).read_text("utf-8"))["keys"]

    def cases(self, prefix: str) -> Iterator[str]:
        """Names of the cases `prefix...` in the arrays: what stands before the first dot after it."""
        names = {
            prefix + name[len(prefix) :].split(".")[0] for name in self.arrays if name.startswith(prefix)
        }
        return iter(sorted(names))

    def check(
        self,
        case: str,
        got: torch.Tensor | np.ndarray,
        want: torch.Tensor | str,
        limit: float,
        rounding: float = 0,
    ) -> None:
        """Compares and remembers.

        Args:
            want: an array or its name.
            limit: largest absolute difference; of floats larger than 1, a share of the largest.
            rounding: what single precision alone changes in this case, measured on our side; random weights can make it
                larger than any limit, and the published numbers hold as much of it.
        """
        want = self.arrays[want] if isinstance(want, str) else want
        got = torch.from_numpy(got.copy()) if isinstance(got, np.ndarray) else got
        assert got.shape == want.shape, f"{case}: {tuple(got.shape)} is not {tuple(want.shape)}"
        difference = float((got.double() - want.double()).abs().max())
        if want.is_floating_point():
            limit = max(limit * max(1.0, float(want.double().abs().max())), 2 * rounding)
        _differences.append((f"{self.folder.name}: {case}", difference, limit))
        assert difference <= limit, f"{case}: {difference:.3g} > {limit:.3g}"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("parity")
    # pytest's own --fixtures lists its fixtures and takes no folder; it keeps its other name, --funcargs.
    group._arggroup.conflict_handler = "resolve"
    group.addoption("--fixtures", dest="parity", help="folder with the fixtures of the published programs")


@pytest.fixture(scope="session")
def fixtures(request: pytest.FixtureRequest) -> Path:
    given = request.config.getoption("parity")
    beside = Path(__file__).resolve().parents[2].parent / "shared"
    folder = Path(given) if given else Path(os.environ.get("COLORIZE_SHARED") or beside) / "parity"
    if not folder.is_dir():
        pytest.skip("no parity fixtures here (--fixtures, COLORIZE_SHARED)")
    unknown = {path.name for path in folder.iterdir() if path.is_dir()} - KNOWN
    unknown = {name for name in unknown if not name.startswith(ELSEWHERE)}
    assert not unknown, f"fixtures that no test knows: {', '.join(sorted(unknown))}"
    return folder


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def open_fixture(folder: Path, name: str) -> Fixture:
    if not (folder / name).is_dir():
        pytest.skip(f"no {name} in {folder}")
    return Fixture(folder / name)


@pytest.fixture(scope="session")
def animediffusion(fixtures: Path) -> Fixture:
    return open_fixture(fixtures, "animediffusion")


@pytest.fixture(scope="session")
def colorflow_sd(fixtures: Path) -> Fixture:
    return open_fixture(fixtures, "colorflow_sd")


@pytest.fixture(scope="session")
def colorflow_pixart(fixtures: Path) -> Fixture:
    return open_fixture(fixtures, "colorflow_pixart")


@pytest.fixture(scope="session")
def colorflow_superres(fixtures: Path) -> Fixture:
    return open_fixture(fixtures, "colorflow_superres")


@pytest.fixture(scope="session")
def colorflow_retrieval(fixtures: Path) -> Fixture:
    return open_fixture(fixtures, "colorflow_retrieval")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _differences:
        return
    terminalreporter.section("largest absolute differences from the published programs")
    for case, difference, limit in _differences:
        terminalreporter.write_line(f"{difference:9.2e}  (limit {limit:.1e})  {case}")
