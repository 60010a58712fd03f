"""`kill -9` at ten moments of an installation and an update, and a disk that gets full: it works or can be taken up."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import stand_in_wheels

from krita_colorize.core import handshake
from krita_colorize.core.errors import UserError
from krita_colorize.setup import pointer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and limits")

PROGRAM = Path(__file__).with_name("install_stand_ins.py")


@pytest.fixture
def start(home, bundle, index, pip_wheel, this_python):
    """Starts an installation in a process of its own."""

    def run(**changes):
        options = {"home": home, "bundle": bundle, "index": index.url, "pip": pip_wheel} | changes
        text = json.dumps({"python": str(this_python.path)} | options, default=str)
        command = [sys.executable, str(PROGRAM), text]
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen(command, text=True, **pipes)

    return run


def finish(process):
    """Waits for the end; returns the status and what the artist would read."""
    _, errors = process.communicate(timeout=200)
    return process.returncode, errors.strip()


def kill_at(process, fraction):
    """Kills it as soon as it has told that it is so far."""
    for line in process.stdout:
        if json.loads(line)["fraction"] >= fraction:
            break
        process.stdin.write("\n")
        process.stdin.flush()
    process.kill()
    process.communicate()


def works(home):
    """Whether what the docker would start greets."""
    command = handshake.read_launch((home / "backend.json").read_text("utf-8")).command
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "a stand-in" in done.stdout


def is_tidy(home):
    """Nothing is left over, as soon as a pip that outlived its killed parent has ended."""
    deadline = time.monotonic() + 60
    while pointer.is_unfinished(home) and time.monotonic() < deadline:
        pointer.clean(home, downloads=True)
        time.sleep(0.1)
    return not pointer.is_unfinished(home)


def test_killed_installation_never_claims_to_work_and_goes_on(start, home):
    for fraction in sorted(random.Random(8).uniform(0, 0.95) for _ in range(5)):
        kill_at(start(step=True), fraction)
        assert not (home / "backend.json").exists()
        with pytest.raises(UserError, match="isn't installed"):
            handshake.read_launch(None)
    assert pointer.is_unfinished(home)
    assert finish(start()) == (0, "")
    assert works(home)
    assert is_tidy(home)


def test_killed_update_leaves_what_worked(start, home, folder, tmp_path):
    assert finish(start(folder=folder)) == (0, "")
    bundle = stand_in_wheels.bundle(tmp_path / "new", "2.0")
    for fraction in [*(random.Random(9).uniform(0, 0.95) for _ in range(4)), 1]:  # 1: just before the switch
        kill_at(start(bundle=bundle, step=True), fraction)
        assert pointer.read(home).current.version == "1.0"
        assert works(home)
    assert finish(start(bundle=bundle)) == (0, "")
    assert pointer.read(home).current.version == "2.0"
    assert works(home)
    assert is_tidy(home)


def test_disk_that_gets_full_while_downloading_is_told_and_taken_up(start, home, index):
    status, sentence = finish(start(largest_file=2_500_000))
    assert status == 1
    assert sentence.startswith("The disk is full (")
    assert sentence.endswith("The downloaded files are kept: free some space, then press Install again.")
    assert not (home / "backend.json").exists()
    assert finish(start()) == (0, "")
    assert works(home)
    assert [start for name, start in index.heard if name.startswith("torch")][-1] != ""


def test_disk_that_gets_full_while_unpacking_is_told_and_taken_up(start, home, tmp_path):
    folder = stand_in_wheels.wheels(tmp_path / "large", megabytes=3)
    status, sentence = finish(start(folder=folder, largest_file=2_500_000))
    assert status == 1
    assert sentence.startswith("The disk is full (")
    assert not (home / "backend.json").exists()
    assert finish(start(folder=folder)) == (0, "")
    assert works(home)
