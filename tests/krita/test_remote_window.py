"""The colours are computed on another machine: paired by clicks in Krita's window, lost, and found again.

The other machine is a second backend on this one, reached as a studio's would be: by TLS, its certificate pinned. Krita
brings Qt's TLS, which PyQt5's own wheels lack. The backend of this computer fails at once, so nothing is computed here.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from colorizer_lab.krita import pointer, session

pytestmark = [pytest.mark.window, pytest.mark.timeout(900)]

PRELUDE = "import inside_docker\nglobals().update(vars(inside_docker))"
ROOT = Path(__file__).resolve().parents[2]
SERVE = [sys.executable, "-m", "colorizer", "serve", "--listen"]
SCRIPTED = [sys.executable, str(ROOT / "tests/server/serve_with_scripted_engines.py"), '{"heartbeat_s": 1}']

PATIENCE_S = 200
"""Machines that do much else at the same time take a minute to start an engine."""


class Studio:
    """The other machine. Where it listens stays the same over `stop` and `start`, as a studio's address does."""

    def __init__(self, home):
        self.home = home
        self.address = "127.0.0.1:0"
        self.code = ""
        self.process = None

    def start(self, command):
        environment = os.environ | {"COLORIZE_HOME": str(self.home), "PYTHONPATH": str(ROOT / "backend")}
        self.process = subprocess.Popen(
            [*command, self.address],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            text=True,
        )
        for line in self.process.stderr:  # what the person there reads
            if told := re.search(r"port (\d+) and the code ([\w-]+)", line):
                self.address, self.code = f"127.0.0.1:{told[1]}", told[2]
                return self
        raise AssertionError("no pairing code was shown")

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def studio(tmp_path):
    made = Studio(tmp_path / "studio")
    yield made
    if made.process is not None:
        made.stop()


@pytest.fixture(scope="module")
def docker_keeper(display, keeper):
    backend = [sys.executable, "-c", "raise SystemExit(9)"]
    yield from keeper(lambda: session.windowed(display, backend=backend), PRELUDE)


@pytest.fixture
def krita(docker_keeper):
    krita = docker_keeper.get()
    krita.call(empty)
    krita.call(open_it)
    pointer.choose_action(krita, "add_reference_button", "Reference")
    return krita


def empty():
    yield from close_all()
    window.qwindow().showMaximized()
    hide_other_dockers()
    session().backend.choose("")
    widget("servers_section").setChecked(True)
    yield from ticks(30)


def open_it():
    yield from open_drawing()
    yield from ticks(30)


def rest():
    yield from ticks(20)


def docker():
    return docker_state() | {"chosen": session().backend.chosen}


def paired_or_not():
    """Once the code was used: what is said below the fields where it failed, else whether a machine is chosen."""
    problem = widget("server_problem_label")
    if widget("server_code_edit").text():
        return False
    return problem.text() if problem.isVisible() else bool(session().backend.chosen)


def knows_engine(name):
    return name in [engine.name for engine in session().engines]


def has_result():
    return docker_state()["results"] > 0


def has_error():
    return docker_state()["error"]


def shows(words, whole=False):
    status = docker_state()["status"]
    return status == words if whole else words in status


def wait(krita, condition, **arguments):
    return krita.wait_until(condition, timeout_s=PATIENCE_S, **arguments)


def reads(name, text):
    return widget(name).text() == text


def type_into(krita, name, text):
    pointer.click(krita, name)
    krita.xdotool("key", "ctrl+a")
    krita.xdotool("type", "--delay", 5, text)
    wait(krita, reads, name=name, text=text)


def pair(krita, studio, code=""):
    """Types address and code as they are shown there, and presses Pair; the sentence where that didn't do."""
    type_into(krita, "server_address_edit", studio.address)
    type_into(krita, "server_code_edit", code or studio.code)
    pointer.click(krita, "pair_button")
    problem = wait(krita, paired_or_not)
    krita.call(rest)
    return problem if isinstance(problem, str) else ""


def connect(krita):
    pointer.click(krita, "backend_button")
    wait(krita, shows, words="Ready", whole=True)


def colour(krita):
    pointer.click(krita, "colorize_button")
    wait(krita, has_result)


def test_a_sketch_is_coloured_on_a_paired_machine(krita, studio, tmp_path):
    studio.start(SERVE)
    assert "isn't the one that showed this code" in pair(krita, studio, code="0" * 24)
    assert pair(krita, studio) == ""
    connect(krita)
    colour(krita)
    now = krita.call(docker)
    assert (now["chosen"], now["error"], now["button"]) == (studio.address, "", "Disconnect")
    assert "job queued" in (studio.home / "logs/server.log").read_text()
    krita.screenshot(tmp_path / "remote.png")
    pointer.choose(krita, "server_combo", "")
    pointer.click(krita, "colorize_button")  # here is only an engine that fails at once
    assert "ended by itself (code 9)" in wait(krita, has_error)


def test_a_job_that_the_machine_lost_is_said_and_the_next_one_works(krita, studio, tmp_path):
    assert pair(krita, studio.start(SCRIPTED)) == ""
    connect(krita)
    wait(krita, knows_engine, name="scripted")
    pointer.choose(krita, "engine_combo", "scripted")
    pointer.choose(krita, "model_combo", "slow")
    pointer.click(krita, "colorize_button")
    wait(krita, shows, words="slowly")
    studio.stop()
    wait(krita, shows, words=f"No connection to {studio.address}; trying again")
    krita.screenshot(tmp_path / "lost.png")
    studio.start(SCRIPTED)
    assert "was restarted" in wait(krita, has_error)
    krita.screenshot(tmp_path / "found.png")
    pointer.choose(krita, "model_combo", "")
    colour(krita)
