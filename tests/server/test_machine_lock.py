"""Jobs of two backends on one machine take turns, and a dead one holds nobody up."""

import subprocess
import sys
import threading

import pytest
from colorizer.errors import Cancelled
from colorizer.server import machine_lock
from listening import Listener

HOLD = """
import sys
from colorizer.server import machine_lock
with machine_lock.taken(None):
    print("mine", flush=True)
    sys.stdin.readline()
"""


class Report(Listener):
    """`cancelled` makes the next stage raise."""

    def __init__(self):
        super().__init__()
        self.told = threading.Event()
        self.cancelled = False

    def stage(self, name, done=0, total=1):
        if self.cancelled:
            raise Cancelled("stopped")
        super().stage(name, done, total)
        self.told.set()


@pytest.fixture
def other(tmp_path, monkeypatch):
    """Another backend that computes until it is told to stop."""
    monkeypatch.setenv("COLORIZE_HOME", str(tmp_path))
    command = [sys.executable, "-c", HOLD]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "mine\n"
    yield process
    process.kill()
    process.communicate()


def wait_for_turn(report):
    with machine_lock.taken(report):
        pass


@pytest.mark.parametrize("end", ["done", "killed"])
def test_second_job_waits_for_the_first_and_says_so(other, end):
    report = Report()
    waiting = threading.Thread(target=wait_for_turn, args=[report])
    waiting.start()
    assert report.told.wait(60)
    other.kill() if end == "killed" else other.communicate("\n")
    waiting.join(60)
    assert not waiting.is_alive()
    assert set(report.names) == {"Waiting for another Krita"}


def test_waiting_job_can_be_cancelled(other):
    report = Report()
    report.cancelled = True
    with pytest.raises(Cancelled):
        wait_for_turn(report)


def test_free_turn_is_taken_without_a_word(tmp_path, monkeypatch):
    monkeypatch.setenv("COLORIZE_HOME", str(tmp_path))
    report = Report()
    wait_for_turn(report)
    assert report.names == []


def test_home_that_can_not_be_written_holds_nobody_up(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("COLORIZE_HOME", str(tmp_path / "file" / "below"))
    wait_for_turn(Report())
