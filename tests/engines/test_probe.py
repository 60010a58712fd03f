"""A driver that crashes whoever asks for the accelerator ends a child process, not the worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from colorizer.engines.runtime import probe
from colorizer.engines.runtime.device import choose_device
from colorizer.errors import InvalidInput

CRASHES = "import os, signal\n\n\ndef is_available():\n    os.kill(os.getpid(), signal.SIGSEGV)\n"
ANSWERS = "def is_available():\n    return True\n"
TORCH = """from torch import cuda, xpu


def zeros(*size, device):
    class Tensor:
        def cpu(self): ...

    return Tensor()
"""


@pytest.fixture
def other_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A torch for child processes whose modules say what a test writes; this process must not ask its own."""
    folder = tmp_path / "torch"
    folder.mkdir()
    (folder / "__init__.py").write_text(TORCH)
    for kind in probe.KINDS:
        (folder / f"{kind}.py").write_text("def is_available():\n    return False\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: pytest.fail("this process asked"))
    forget()
    yield folder
    forget()


def forget() -> None:
    probe.usable.cache_clear()
    probe._answers.cache_clear()


def test_a_crash_leaves_the_processor_and_is_told(other_torch: Path) -> None:
    (other_torch / "cuda.py").write_text(CRASHES)
    assert choose_device() == "cpu"
    assert probe.failure().startswith("The graphics card can't be used")
    assert not torch.cuda.is_available()
    with pytest.raises(InvalidInput, match="No cuda device is available"):
        choose_device("cuda")


def test_a_card_that_answers_is_taken(other_torch: Path) -> None:
    (other_torch / "cuda.py").write_text(ANSWERS)
    assert (choose_device(), probe.failure()) == ("cuda", "")


def test_no_card_is_no_trouble(other_torch: Path) -> None:
    assert (choose_device(), probe.failure()) == ("cpu", "")


def test_a_build_without_accelerators_is_not_asked(
    other_torch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    (other_torch / "cuda.py").write_text(CRASHES)
    assert (choose_device(), probe.failure()) == ("cpu", "")


def test_silence_is_a_crash(other_torch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "PATIENCE_S", 1)
    (other_torch / "cuda.py").write_text("import time\n\n\ndef is_available():\n    time.sleep(60)\n")
    assert choose_device() == "cpu"
    assert probe.failure()
