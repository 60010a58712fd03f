"""What the log holds after a busy session, and what it must never hold."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from colorizer.server import log
from running_backend import Backend, job


def test_log_tells_events_and_no_secrets(
    start_backend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    backend: Backend = start_backend()
    for script in ("", "fails", "bug", "crash"):
        backend.wait(backend.submit(job(script)))
    backend.request("GET", "/v1/health", Authorization="Bearer guess", Cookie="secret")
    backend.post(b"nonsense")
    backend.get("/v1/jobs/secret%20name")
    backend.close()
    text = backend.log.read_text()
    events = [json.loads(line)["event"] for line in text.splitlines()]
    assert {
        "server ready",
        "worker started",
        "job queued",
        "job ended",
        "job failed",
        "request refused",
    } <= set(events)
    assert "worker ended" in events
    for secret in (backend.line["token"], "guess", "secret name", str(tmp_path)):
        assert secret not in text


def test_home_is_shortened() -> None:
    home = os.path.expanduser("~")
    assert log.private(f"{home}/a") == "~/a"


def test_crash_reports_reach_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "colorizer.server")
    log.worker_line("Fatal Python error: Segmentation fault")
    log.worker_line('{"event": "job failed", "code": "internal"}')
    assert [record.message for record in caplog.records] == ["worker wrote", "job failed"]
    assert caplog.records[1].fields == {"code": "internal"}


def test_log_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from logging.handlers import RotatingFileHandler

    monkeypatch.setenv("COLORIZE_HOME", str(tmp_path))
    installed: list[RotatingFileHandler] = []
    monkeypatch.setattr(log, "_install", installed.append)
    log.start()
    installed[0].close()
    assert installed[0].maxBytes * (installed[0].backupCount + 1) <= 5 * 2**20
