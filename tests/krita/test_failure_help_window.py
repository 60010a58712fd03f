"""What goes wrong in Krita's window: the engine is killed, a job is cancelled, Krita itself is killed."""

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest
from colorizer_lab.krita import pointer, session
from window_steps import DOCKER, open_it

pytestmark = [pytest.mark.window, pytest.mark.timeout(300)]

PATIENCE_S = 120
"""Machines that do much else at the same time take a minute to start an engine."""
SCRIPTED = Path(__file__).resolve().parents[1] / "server" / "serve_with_scripted_engines.py"


@pytest.fixture(scope="module")
def docker_keeper(display, keeper):
    backend = [sys.executable, str(SCRIPTED), "{}"]
    yield from keeper(lambda: session.windowed(display, backend=backend), DOCKER)


@pytest.fixture
def krita(docker_keeper):
    krita = docker_keeper.get()
    krita.call(empty)
    krita.wait_until(knows_engine, timeout_s=PATIENCE_S)
    start_slow_job(krita)
    return krita


def empty():
    yield from close_all()
    window.qwindow().showMaximized()
    hide_other_dockers()
    yield from ticks(10)
    if session().backend.state.value in ("stopped", "error"):
        session().toggle_backend()


def knows_engine():
    return "scripted" in [engine.name for engine in session().engines]


def state():
    return docker_state()


def is_moving():
    return docker_state()["progress"] > 0.1 and "slowly" in docker_state()["status"]


def is_idle():
    return not docker_state()["busy"]


def is_broken(button):
    """Idle, with a sentence and this button; both are told, but not in the same turn."""
    now = docker_state()
    return now if now["error"] and not now["busy"] and now["button"] == button else None


def has_result():
    return docker_state()["results"] > 0


def start_slow_job(krita):
    krita.call(open_it)
    pointer.choose(krita, "engine_combo", "scripted")
    pointer.choose(krita, "model_combo", "slow")
    pointer.choose_action(krita, "add_reference_button", "Reference")
    pointer.click(krita, "colorize_button")
    krita.wait_until(is_moving, timeout_s=PATIENCE_S)


def colour_quickly(krita):
    pointer.choose(krita, "model_combo", "")
    pointer.click(krita, "colorize_button")
    krita.wait_until(has_result, timeout_s=PATIENCE_S)


def backends(krita):
    children = psutil.Process(krita.process.pid).children(recursive=True)
    return [child for child in children if "python" in child.name()]


def test_a_killed_engine_is_said_and_the_next_job_works(krita):
    server, *_ = backends(krita)
    server.kill()
    now = krita.wait_until(is_broken, button="Restart", timeout_s=PATIENCE_S)
    assert now["error"].endswith(".")
    colour_quickly(krita)
    assert krita.call(state)["error"] == ""


def test_a_killed_worker_fails_the_job_alone(krita):
    named = [(" ".join(child.cmdline()), child) for child in backends(krita)]
    (worker,) = [child for line, child in named if "worker" in line and "edit_worker" not in line]
    worker.kill()
    now = krita.wait_until(is_broken, button="Stop", timeout_s=PATIENCE_S)
    assert now["error"].endswith(".")
    colour_quickly(krita)


def test_cancel_stops_the_job(krita):
    pointer.click(krita, "cancel_button")
    krita.wait_until(is_idle, timeout_s=60)
    now = krita.call(state)
    assert (now["error"], now["results"]) == ("", 0)
    colour_quickly(krita)


def test_a_killed_krita_leaves_no_engine(krita):
    running = backends(krita)
    assert len(running) >= 2
    os.kill(krita.process.pid, signal.SIGKILL)
    _, alive = psutil.wait_procs(running, timeout=60)
    assert not alive


def quit_krita():
    from krita import QTimer

    for document in wrappers.documents():
        document.setModified(False)
    QTimer.singleShot(200, lambda: trigger("file_quit"))


def test_quitting_krita_ends_the_engine(krita):
    running = backends(krita)
    krita.call(quit_krita)
    assert krita.process.wait(timeout=60) == 0
    _, alive = psutil.wait_procs(running, timeout=60)
    assert not alive
