"""Processes that stand still, as when the computer sleeps, for longer than anybody's patience: nothing is lost.

Patience is shortened, so that it runs out several times; how long it all takes decides nothing.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from docker_stage import SERVER, open_page, wait, write_launch_file
from fake_port import FakePort

from krita_colorize.app import catalogue, engines
from krita_colorize.app import client as http
from krita_colorize.app import job as jobs
from krita_colorize.app.backend import BackendState
from krita_colorize.app.job import JobState
from krita_colorize.app.jobs import STOPPED
from krita_colorize.app.session import Session
from krita_colorize.core.catalogue import Task

QUEUED = '"event": "job queued"'
MOMENTS = (JobState.SENDING, JobState.QUEUED, JobState.RECEIVING)


@pytest.fixture
def awake(tmp_path: Path, port: FakePort, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A session of little patience, with a backend of its own that runs."""
    monkeypatch.setattr(http, "ANSWER_WITHIN_MS", 700)
    for room in (jobs, engines):
        monkeypatch.setattr(room, "ASK_AGAIN_MS", 100)
    write_launch_file(tmp_path, sys.executable, str(SERVER), '{"heartbeat_s": 0.2}')
    session = Session(port, home=tmp_path)
    page = open_page(port)
    wait(qtbot, lambda: session.document is not None and session.document.sketch is not None)
    session.document.change(engine="scripted")
    session.references.add_layer(session.document, page.sheet)
    session.backend.need()
    wait(qtbot, lambda: session.backend.state is BackendState.READY)
    wait(qtbot, lambda: any(engine.name == "scripted" for engine in session.engines))
    yield session
    session.close()
    session.deleteLater()


class Asleep:
    """The backend and its worker, standing still."""

    def __init__(self, session: Session) -> None:
        backend = psutil.Process(session.backend.local._process.processId())
        self._processes = [backend, *backend.children(recursive=True)]
        for process in self._processes:
            process.suspend()

    def wake(self) -> None:
        for process in self._processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()


def finish(qtbot: Any, session: Session) -> None:
    """The job ends well, it was sent once, and the docker is ready as before."""
    wait(qtbot, lambda: session.document.results or session.error)
    assert (session.error, len(session.document.results)) == ("", 1)
    assert (session.home / "logs" / "server.log").read_text().count(QUEUED) == 1
    assert session.backend.state is BackendState.READY
    assert session.status == "Ready"


def test_job_goes_on_after_the_backend_slept(awake: Session, qtbot: Any) -> None:
    awake.document.change(model="brief")
    awake.colorize()
    wait(qtbot, lambda: awake.job is not None and "Painting" in awake.job.words)
    asleep, silences, job = Asleep(awake), [], awake.job
    silent = (jobs.SILENT, jobs.HUNG)
    job.changed.connect(lambda: silences.append(job.words) if job.words in silent else None)
    wait(qtbot, lambda: len(silences) > 3)
    asleep.wake()
    finish(qtbot, awake)


def test_sleep_at_any_moment_loses_nothing(awake: Session, qtbot: Any) -> None:
    awake.colorize()
    job, asleep = awake.job, {}

    def fall_asleep() -> None:
        if job.state in MOMENTS and job.state not in asleep:
            asleep[job.state] = Asleep(awake)

    job.changed.connect(fall_asleep)
    for moment in MOMENTS:
        wait(qtbot, lambda moment=moment: moment in asleep and job.words == jobs.SILENT)
        asleep[moment].wake()
    finish(qtbot, awake)


def test_sleeping_backend_can_be_left(awake: Session, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    awake.document.change(model="slow")
    awake.colorize()
    wait(qtbot, lambda: awake.job is not None and "Painting" in awake.job.words)
    asleep = Asleep(awake)
    wait(qtbot, lambda: awake.job.words == jobs.SILENT)
    monkeypatch.setattr(http, "ANSWER_WITHIN_MS", 30_000)
    awake.cancel()
    assert (awake.job, awake.status) == (None, "Ready")
    asleep.wake()
    log = awake.home / "logs" / "server.log"
    wait(qtbot, lambda: '"state": "cancelled"' in log.read_text())


def test_hung_backend_can_be_restarted(awake: Session, qtbot: Any) -> None:
    awake.colorize()
    wait(qtbot, lambda: awake.job is None)
    asleep, backend = Asleep(awake), awake.backend.local._process.processId()
    awake.colorize()
    wait(qtbot, lambda: awake.job.hung)
    assert awake.status == jobs.HUNG
    awake.toggle_backend()
    assert (awake.job, awake.error) == (None, STOPPED)
    asleep.wake()
    wait(qtbot, lambda: awake.backend.state is BackendState.READY)
    assert awake.backend.local._process.processId() != backend
    awake.colorize()
    wait(qtbot, lambda: len(awake.document.results) == 2)


def test_docker_finds_its_result_after_it_slept(tmp_path: Path) -> None:
    write_launch_file(tmp_path, sys.executable, str(SERVER), '{"heartbeat_s": 0.2}')
    log = tmp_path / "logs" / "server.log"
    words = [sys.executable, str(Path(__file__).with_name("sleeper.py")), str(tmp_path)]
    docker = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    told = []
    with docker, docker.stdout as lines:
        for line in lines:
            told.append(line.strip())
            if told[-1] == "painting":
                psutil.Process(docker.pid).suspend()
                while '"event": "job ended"' not in log.read_text():
                    time.sleep(0.1)
                time.sleep(1)  # longer than the docker's patience
                psutil.Process(docker.pid).resume()
    assert told == ["open", "painting", "ended", "Ready"]
    assert log.read_text().count(QUEUED) == 1


def test_models_page_follows_a_task_through_silence(
    awake: Session, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "ASK_AGAIN_MS", 100)
    page = awake.catalogue
    page.task = Task("download", "model", "running", "Downloading", 1, 2, (), "")
    asleep = Asleep(awake)
    page.refresh()
    wait(qtbot, lambda: page.problem == http.GONE)
    asleep.wake()
    wait(qtbot, lambda: page.models)
    assert (page.problem, page.task) == ("", None)  # as the backend knows: there is none
