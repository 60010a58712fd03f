"""The backend process: started, greeted, missed, ended."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker_stage import wait, write_launch_file

from krita_colorize.app import backend as processes
from krita_colorize.app.backend import Backend, BackendState
from krita_colorize.core.request import API


def speaking(api: int) -> str:
    """A greeting of a backend that speaks this version of the wire."""
    return f'{{"event": "ready", "api": {api}, "version": "9", "host": "127.0.0.1", "port": 1, "token": "t", "pid": 1}}'


GREET = f"print('{speaking(API)}', flush=True)\n"
LIVE = "import sys\n" + GREET + "sys.stdin.read()\n"


@pytest.fixture
def backend(tmp_path: Path, qapp: object) -> Iterator[Backend]:
    backend = Backend(tmp_path)
    yield backend
    backend.close()


def script(backend: Backend, code: str) -> Backend:
    """Makes the backend a Python script."""
    write_launch_file(backend.home, sys.executable, "-c", code)
    return backend


def start(qtbot: Any, backend: Backend) -> Backend:
    backend.need()
    assert backend.state is BackendState.STARTING
    wait(qtbot, lambda: backend.state is not BackendState.STARTING)
    return backend


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_greeting_makes_it_ready(backend: Backend, qtbot: Any) -> None:
    start(qtbot, script(backend, LIVE))
    assert backend.state is BackendState.READY
    assert (backend.address.port, backend.address.token) == (1, "t")
    assert "token" not in repr(backend.address)


def test_greeting_in_pieces(backend: Backend, qtbot: Any) -> None:
    greeting = speaking(API)
    half = len(greeting) // 2
    code = (
        "import sys, time\n"
        f"for part in ({greeting[:half]!r}, {greeting[half:] + chr(10)!r}):\n"
        "    sys.stdout.write(part); sys.stdout.flush(); time.sleep(0.1)\n"
        "sys.stdin.read()"
    )
    assert start(qtbot, script(backend, code)).state is BackendState.READY


def test_closing_stdin_ends_it(backend: Backend, qtbot: Any) -> None:
    start(qtbot, script(backend, LIVE))
    pid = backend._process.processId()
    backend.stop()
    assert (backend.state, backend.address) == (BackendState.STOPPED, None)
    wait(qtbot, lambda: not alive(pid))


def test_deaf_process_is_killed(backend: Backend, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "END_WITHIN_MS", 100)
    start(qtbot, script(backend, GREET + "import time\ntime.sleep(60)"))
    pid = backend._process.processId()
    backend.stop()
    wait(qtbot, lambda: not alive(pid))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import sys; sys.exit(7)", "ended by itself (code 7)"),
        (GREET + "import os; os.kill(os.getpid(), 9)", "The system ended the colour engine"),
        ("print('hello', flush=True); input()", "doesn't understand"),
        ("print('[]', flush=True); input()", "doesn't understand"),
        (
            "print('{}', flush=True); input()".replace("{}", speaking(API + 1)),
            "too old for the colour engine",
        ),
        (
            "print('{}', flush=True); input()".replace("{}", speaking(API - 1)),
            f"The colour engine uses version {API - 1} of the protocol, this docker version {API}. Press …",
        ),
        ("""print('{"event": "failed", "message": "No room."}', flush=True)""", "No room."),
        ("print('x' * 100000, flush=True); input()", "doesn't understand"),
    ],
)
def test_trouble_is_a_sentence(backend: Backend, qtbot: Any, code: str, words: str) -> None:
    start(qtbot, script(backend, code))
    wait(qtbot, lambda: backend.state is BackendState.ERROR)
    assert words in backend.message
    assert backend.address is None


def test_missing_installation_says_what_to_do(backend: Backend, qtbot: Any) -> None:
    start(qtbot, backend)
    assert "isn't installed" in backend.message


def test_missing_program_says_what_to_do(backend: Backend, qtbot: Any) -> None:
    write_launch_file(backend.home, "/nowhere/python")
    assert "/nowhere/python is missing" in start(qtbot, backend).message


@pytest.mark.parametrize("text", ["", "[]", '{"command": []}', '{"command": "python"}', '{"command": [3]}'])
def test_broken_launch_file_says_what_to_do(backend: Backend, qtbot: Any, text: str) -> None:
    (backend.home / "backend.json").write_text(text, "utf-8")
    assert "can't be read" in start(qtbot, backend).message


def test_silence_ends_in_an_error(backend: Backend, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "READY_WITHIN_MS", 200)
    start(qtbot, script(backend, "input()"))
    assert "didn't get ready" in backend.message


def test_sleep_while_it_starts_is_not_its_silence(backend: Backend, qtbot: Any, tmp_path: Path) -> None:
    awake = tmp_path / "awake"
    code = f"import os, time\nwhile not os.path.exists({str(awake)!r}): time.sleep(0.01)\n"
    script(backend, code + LIVE).need()
    wait(qtbot, lambda: backend._patience.isActive())
    backend._patience.timeout.emit()  # rings after a sleep of any length
    assert backend.state is BackendState.STARTING
    awake.touch()
    wait(qtbot, lambda: backend.state is not BackendState.STARTING)
    assert backend.state is BackendState.READY


def test_environment_is_clean(
    backend: Backend, qtbot: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("PYTHONPATH", "PYTHONHOME", "QT_QPA_PLATFORM", "LD_LIBRARY_PATH", "APPDIR"):
        monkeypatch.setenv(name, "/krita")
    monkeypatch.setenv("ARTIST", "Ä")
    code = (
        f"import json, os\nopen({str(tmp_path / 'env')!r}, 'w').write(json.dumps(dict(os.environ)))\n" + LIVE
    )
    start(qtbot, script(backend, code))
    import json

    seen = json.loads((tmp_path / "env").read_text("utf-8"))
    assert not {"PYTHONPATH", "PYTHONHOME", "QT_QPA_PLATFORM", "LD_LIBRARY_PATH"} & set(seen)
    assert (seen["ARTIST"], seen["PYTHONUTF8"], seen["OMP_WAIT_POLICY"]) == ("Ä", "1", "PASSIVE")
    assert seen["COLORIZE_HOME"] == str(backend.home)


def test_failed_starts_back_off_and_the_button_does_not(backend: Backend, qtbot: Any) -> None:
    script(backend, "import sys; sys.exit(1)")
    start(qtbot, backend)
    start(qtbot, backend)
    began = time.monotonic()
    start(qtbot, backend)
    assert time.monotonic() - began > 1.5  # 2 s after two failures
    script(backend, LIVE)
    backend.restart()
    wait(qtbot, lambda: backend.state is BackendState.READY)
    assert time.monotonic() - began < 20


def test_last_user_ends_the_shared_process(tmp_path: Path, qapp: object, qtbot: Any) -> None:
    first, second = processes.acquire(tmp_path), processes.acquire(tmp_path)
    assert first is second
    start(qtbot, script(first, LIVE))
    pid = first._process.processId()
    processes.release(first)
    assert alive(pid)
    processes.release(second)
    assert not alive(pid)
