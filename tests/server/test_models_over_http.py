"""Models over HTTP: listed, downloaded after the licence, stopped and gone on with, brought, verified, removed."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import file_host
import psutil
import published_files
import pytest
from running_backend import Backend, check_error

SERVE = [sys.executable, str(Path(__file__).with_name("serve_with_small_catalogue.py"))]
ACCEPTED = b'{"accept_licence": true}'


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return published_files.anime_checkpoint(tmp_path_factory.mktemp("published") / "trained.pth")


@pytest.fixture(scope="module")
def host(checkpoint):
    host, server = file_host.serve()
    host.content = checkpoint.read_bytes()
    yield host
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def backend(host, tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("COLORIZE_TEST_HOST", json.dumps([host.url, len(host.content)]))
    patch.delenv("COLORIZE_OFFLINE", raising=False)
    backend = Backend(tmp_path_factory.mktemp("home"), SERVE)
    backend.home = backend.log.parents[1]
    yield backend
    backend.close()
    patch.undo()


@pytest.fixture(autouse=True)
def clean(backend, host):
    host.tricks, host.always = [], ""
    yield
    backend.request("DELETE", "/v1/task")
    for model in backend.get("/v1/models").json["models"]:
        backend.request("DELETE", f"/v1/models/{model['name']}")


def download(backend, name="faces", body=ACCEPTED):
    return backend.request("POST", f"/v1/models/{name}/download", body, Content_Type="application/json")


def bring(backend, path, **more):
    body = json.dumps({"path": os.fspath(path) if isinstance(path, Path) else path} | more).encode()
    return backend.request("POST", "/v1/models", body, Content_Type="application/json")


def ended(backend):
    """The last state of the task, from its events."""
    events = backend.get("/v1/task/events").body.decode()
    return json.loads(events.rpartition("data: ")[2])


def models(backend):
    return {model["name"]: model for model in backend.get("/v1/models").json["models"]}


def engine(backend):
    engines = backend.get("/v1/engines").json["engines"]
    return next(one for one in engines if one["name"] == "anime_diffusion")


def test_download_ends_in_an_engine_that_can_colour(backend) -> None:
    assert engine(backend)["missing"].startswith("No AnimeDiffusion model is installed")
    answer = download(backend)
    assert (answer.status, answer.json["task"]["kind"]) == (202, "download")
    task = ended(backend)
    assert (task["state"], task["result"]) == ("done", {"installed": ["faces"]})
    assert models(backend)["faces"]["state"] == "installed"
    assert engine(backend)["missing"] == ""
    assert [model["name"] for model in engine(backend)["models"]] == ["faces"]
    backend.request("POST", "/v1/models/faces/verify")
    assert ended(backend)["result"] == {"problems": []}
    assert backend.request("DELETE", "/v1/models/faces").json["models"][0]["state"] == "absent"
    assert engine(backend)["models"] == []


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"accept_licence": 1}', b"[", b'{"accept_licence": true, "x": 1}']
)
def test_nothing_is_fetched_without_a_yes(body: bytes, backend, host) -> None:
    before = len(host.heard)
    check_error(download(backend, body=body), 422, "invalid_input")
    assert len(host.heard) == before


def test_stopped_download_goes_on(backend, host) -> None:
    host.tricks = ["cut", *["stall"] * 20]
    download(backend)
    backend.wait_until(lambda: backend.get("/v1/task").json["task"]["done"] > 0)
    check_error(download(backend), 409, "task_running")
    check_error(bring(backend, backend.home), 409, "task_running")
    check_error(backend.request("DELETE", "/v1/models/faces"), 409, "task_running")
    assert backend.request("DELETE", "/v1/task").json["task"]["state"] == "stopped"
    assert models(backend)["faces"]["state"] == "partial"
    host.tricks = []
    download(backend)
    assert ended(backend)["state"] == "done"
    assert "Range" in host.heard[-1]


def test_failure_is_a_sentence(backend, host) -> None:
    host.always = "gone"
    download(backend)
    task = ended(backend)
    assert (task["state"], task["error"]["code"]) == ("failed", "download_failed")
    assert task["error"]["message"].endswith("import a file that you have.")


def test_own_file_becomes_a_model_and_stays(backend, checkpoint, tmp_path) -> None:
    own = tmp_path / "My own.pth"
    own.write_bytes(checkpoint.read_bytes())
    assert bring(backend, own).json["task"]["model"] == "My own.pth"
    assert ended(backend)["result"] == {"installed": ["my-own"]}
    assert models(backend)["my-own"]["licence"]["title"] == "own"
    bring(backend, own)
    assert ended(backend)["result"] == {"installed": ["my-own-2"]}
    assert own.read_bytes() == checkpoint.read_bytes()


def test_broken_file_leaves_nothing(backend, tmp_path) -> None:
    (tmp_path / "broken.pth").write_bytes(b"no model at all")
    bring(backend, tmp_path / "broken.pth")
    assert "can't be read as a model" in ended(backend)["error"]["message"]
    assert set(models(backend)) == {"faces"}


@pytest.mark.parametrize(
    "path", ["", "model.pth", "../model.pth", "/nowhere/model.pth", "/model\0.pth", "/\ud800.pth", None, 7]
)
def test_no_file_is_told(path, backend) -> None:
    check_error(bring(backend, path), 422, "invalid_input")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"path": "/", "name": "x"}', b"{}"])
def test_other_bodies_are_refused(body: bytes, backend) -> None:
    check_error(backend.request("POST", "/v1/models", body), 422, "invalid_input")


@pytest.mark.parametrize("name", ["..", "%2e%2e", "%2e%2e%2f%2e%2e", ".lock", "C:", "nothing"])
def test_only_models_are_removed(name: str, backend) -> None:
    before = sorted(backend.home.rglob("*"))
    assert backend.request("DELETE", f"/v1/models/{name}").status in (404, 405, 422)
    assert [path for path in before if not path.exists()] == []


def test_unknown_model_is_told(backend) -> None:
    check_error(download(backend, "nothing"), 422, "unknown_engine")
    check_error(backend.request("POST", "/v1/models/nothing/verify"), 422, "unknown_engine")


def test_wrong_prediction_is_told(backend, checkpoint) -> None:
    check_error(bring(backend, checkpoint, prediction="noise"), 422, "invalid_input")


def test_task_ends_with_the_server(host, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("COLORIZE_TEST_HOST", json.dumps([host.url, len(host.content)]))
    host.always = "stall"
    backend = Backend(tmp_path, SERVE)
    check_error(backend.get("/v1/task/events"), 404, "unknown_task")
    download(backend)
    children = psutil.Process(backend.process.pid).children()
    backend.process.kill()
    backend.process.wait()
    gone, alive = psutil.wait_procs(children, timeout=20)
    assert (len(gone) >= 1, alive) == (True, [])
    backend.close()
