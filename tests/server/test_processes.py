"""Two processes that may die at any moment: what is left, what is told, what goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from colorizer.engines import registry
from running_backend import Backend, check_error, job


def test_ready_before_anything_large_is_loaded(backend: Backend) -> None:
    """Ready within a second is the promise; what would break it is a library of the engines' in this process."""
    loaded = {Path(part.path).name for part in psutil.Process(backend.process.pid).memory_maps()}
    assert not {name for name in loaded if name.startswith(("libtorch", "cv2", "_multiarray_umath"))}
    print(f" [ready after {backend.ready_s:.2f} s] ", end="")
    assert backend.line.keys() == {"event", "api", "version", "host", "port", "token", "pid", "memory_of"}


def test_command_starts_the_real_thing(tmp_path) -> None:
    backend = Backend(tmp_path, [sys.executable, "-m", "colorizer", "serve"])
    names = [engine["name"] for engine in backend.get("/v1/engines").json["engines"]]
    assert names == list(registry.names())
    check_error(backend.post(job()), 422, "unknown_engine")
    backend.close()


def test_http_process_stays_light() -> None:
    heavy = "{'torch', 'numpy', 'cv2', 'PIL'}"
    code = f"import colorizer.server.serve, sys; sys.exit(bool({heavy} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_everything_ends_with_stdin(tmp_path) -> None:
    backend = Backend(tmp_path)
    worker, edits = backend.worker, backend.edit_worker
    id_ = backend.submit(job("deaf"))
    backend.wait_for_state(id_, "running")
    backend.close()
    assert backend.process.returncode == 0
    assert gone(worker)
    assert gone(edits)


def test_killed_server_leaves_no_worker(tmp_path) -> None:
    backend = Backend(tmp_path)
    worker, edits = backend.worker, backend.edit_worker
    backend.submit(job("deaf"))
    backend.process.kill()
    backend.process.wait()
    assert gone(worker)
    assert gone(edits)
    backend.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_everything(tmp_path, number: int) -> None:
    backend = Backend(tmp_path)
    worker = backend.worker
    backend.process.send_signal(number)
    backend.process.wait(10)
    assert gone(worker)
    backend.close()


@pytest.mark.parametrize(
    ("script", "word"), [("crash", "crashed"), ("hog", "memory"), ("card", "graphics card")]
)
def test_dying_worker_fails_one_job(backend: Backend, script: str, word: str) -> None:
    first, second = backend.submit(job(script)), backend.submit(job())
    error = backend.wait(first)["error"]
    assert error["code"] == "worker_died"
    assert word in error["message"]
    assert backend.wait(second)["state"] == "done"


def test_killed_worker_fails_one_job(backend: Backend) -> None:
    id_ = backend.submit(job("slow"))
    backend.wait_for_state(id_, "running")
    backend.worker.kill()
    assert backend.wait(id_)["error"]["code"] == "worker_died"
    assert backend.wait(backend.submit(job()))["state"] == "done"


def test_idle_worker_is_replaced(backend: Backend) -> None:
    old = backend.worker
    old.kill()
    backend.wait_until(lambda: not old.is_running())
    assert backend.wait(backend.submit(job()))["state"] == "done"


def test_cancel_within_a_step(backend: Backend) -> None:
    id_ = backend.submit(job("slow"))
    backend.wait_until(lambda: backend.status(id_)["done"] > 2)
    worker, started = backend.worker.pid, time.monotonic()
    backend.delete(id_)
    assert backend.wait(id_)["state"] == "cancelled"
    assert time.monotonic() - started < 20  # the job itself takes half a minute
    assert backend.worker.pid == worker


def test_deaf_worker_is_killed(start_backend) -> None:
    backend = start_backend(cancel_grace_s=0.3)
    worker = backend.worker
    id_ = backend.submit(job("deaf"))
    backend.wait_for_state(id_, "running")
    backend.delete(id_)
    assert backend.wait(id_)["state"] == "cancelled"
    assert gone(worker)
    assert backend.wait(backend.submit(job()))["state"] == "done"


def test_worker_that_never_starts_fails_the_jobs(tmp_path) -> None:
    code = (
        "from colorizer.server.limits import ServerSettings; from colorizer.server.serve import serve; import sys;"
        "import colorizer.server.routes as r; r._ENGINES_TIMEOUT_S = 0.2;"
        "serve(settings=ServerSettings(worker_command=(sys.executable, '-c', 'raise SystemExit(5)')))"
    )
    backend = Backend(tmp_path, [sys.executable, "-c", code])
    check_error(backend.get("/v1/engines"), 409, "not_ready")
    check_error(backend.post(job()), 409, "not_ready")
    backend.wait_until(lambda: backend.get("/v1/health").json["worker"] == "restarting")
    backend.close()


def test_port_in_use_is_told(backend: Backend, tmp_path) -> None:
    done = run_serve(tmp_path, "--port", str(backend.port))
    assert done.returncode == 1
    line = json.loads(done.stdout)
    assert (line["event"], line["code"]) == ("failed", "port_in_use")
    assert str(backend.port) in line["message"]


def test_home_that_cannot_be_written_is_told(tmp_path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    line = json.loads(run_serve(blocked).stdout)
    assert (line["event"], line["code"]) == ("failed", "no_home")
    assert "COLORIZE_HOME" in line["message"]


def test_nothing_leaks_over_fifty_jobs(backend: Backend) -> None:
    def run(count: int) -> None:
        for id_ in [backend.submit(job()) for _ in range(count)]:
            backend.wait(id_)
            backend.get(f"/v1/jobs/{id_}/events")
            backend.get(f"/v1/jobs/{id_}/result")

    server, worker = psutil.Process(backend.process.pid), backend.worker
    run(10)
    before = server.num_fds(), worker.num_fds(), worker.num_threads()
    for _ in range(5):
        run(10)
    backend.wait_until(lambda: server.num_fds() <= before[0], timeout_s=60)
    assert (worker.num_fds(), worker.num_threads()) == before[1:]
    assert (
        server.num_threads() <= asyncio_threads() + 6
    )  # main, messages and log of both processes, life line
    assert {child.pid for child in server.children(recursive=True)} == {worker.pid, backend.edit_worker.pid}


def asyncio_threads() -> int:
    """How many threads asyncio.to_thread may keep."""
    return min(32, (os.cpu_count() or 1) + 4)


def run_serve(home, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"COLORIZE_HOME": str(home)}
    command = [sys.executable, "-m", "colorizer", "serve", *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL
    )


def gone(process: psutil.Process) -> bool:
    process.wait(5)
    return not process.is_running()


def test_memory_of_all_its_processes_is_told(backend: Backend) -> None:
    told = backend.get("/v1/health").json["memory"]
    assert told["used"] > psutil.Process(backend.process.pid).memory_info().rss / 2
    assert 0 < told["free"] <= psutil.virtual_memory().total
