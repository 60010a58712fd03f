"""The worker's environment, and what is told when it ends."""

from __future__ import annotations

import os

import pytest
from colorizer.errors import ColorizerError, InvalidInput
from colorizer.server import failures, supervisor
from colorizer.server.failures import Code, Refused
from running_backend import Backend


def test_worker_waits_passively_and_stays_offline(backend: Backend) -> None:
    environment = backend.worker.environ()
    assert environment["OMP_WAIT_POLICY"] == "PASSIVE"
    assert environment["HF_HUB_OFFLINE"] == "1"


def test_one_core_is_left_to_krita(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    for cores, threads in ((1, "1"), (2, "1"), (8, "7"), (None, "1")):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        assert supervisor.worker_environment()["OMP_NUM_THREADS"] == threads


def test_own_settings_count_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert supervisor.worker_environment()["OMP_NUM_THREADS"] == "5"


@pytest.mark.parametrize(
    ("returncode", "word"), [(-9, "memory"), (-11, "crashed"), (3, "crashed"), (0, "crashed")]
)
def test_endings_become_sentences(returncode: int, word: str) -> None:
    assert word in supervisor.ending(returncode)


@pytest.mark.parametrize(
    ("error", "status"),
    [(Refused(Code.TOO_LARGE, "No."), 413), (InvalidInput("No."), 422), (ColorizerError("No."), 500)],
)
def test_errors_know_their_status(error: ColorizerError, status: int) -> None:
    assert failures.body(error) == {"ok": False, "status": status, "code": error.code, "message": "No."}
