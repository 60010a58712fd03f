"""docs/wire.md tells the truth: its examples, its codes, its routes and its limits are those of the server."""

from __future__ import annotations

import json
import re
from pathlib import Path

from colorizer.catalogue.store import Model
from colorizer.imaging import sizes
from colorizer.protocol import options
from colorizer.protocol import request as protocol
from colorizer.protocol.answers import JobState, ModelState
from colorizer.protocol.routes import ROUTES
from colorizer.server import jobs, limits, routes
from colorizer.server.devices import CODE_LIVES_S, TRIES, Devices
from colorizer.server.edits import Edits
from colorizer.server.model_tasks import ModelTasks, Task, TaskState

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "wire.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


def example(word: str) -> dict:
    """The example that holds a word, with its dots filled in."""
    (text,) = [text for text in EXAMPLES if word in text]
    filled = text.replace('"blobs": [...]', '"blobs": []').replace("{...}", "{}")
    return json.loads(filled)


def test_job_example_is_accepted() -> None:
    found = protocol.JobRequest.model_validate(example('"task"')["request"])
    assert found.options == options.Options()
    assert found.references[0].picture.blob == 2


def test_job_example_names_every_field() -> None:
    shown = example('"task"')["request"]
    assert set(shown) == set(protocol.JobRequest.model_fields)
    assert set(shown["options"]) == set(options.Options.model_fields)


def test_status_example_names_every_field() -> None:
    assert set(example('"position"')) == set(jobs.Job(b"").status())
    assert {state.value for state in JobState} == set(example('"position"')["state"].split("|"))


def test_task_example_names_every_field() -> None:
    shown = example('"kind": "download|')
    assert set(shown) == set(Task("verify", "x").status())
    assert {state.value for state in TaskState} == set(shown["state"].split("|"))


def test_model_example_names_every_field() -> None:
    entry = Model("x", "X", ModelState.ABSENT, "match", 1, 0, "own", None)
    shown = example('"good_for"')
    assert set(shown) == set(entry.record())
    assert set(shown["licence"]) == set(entry.record()["licence"])
    assert {state.value for state in ModelState} == set(shown["state"].split("|"))


def test_routes_are_the_servers() -> None:
    settings = limits.ServerSettings()
    tasks = ModelTasks(lambda: None, settings.model_command)
    app = routes.application(jobs.JobQueue(settings), Edits(settings), tasks, settings, Devices(Path()))
    ours = {
        f"{method} {route.path}"  # type: ignore[attr-defined]
        for route in app.routes
        for method in route.methods - {"HEAD"}  # type: ignore[attr-defined]
    }
    assert ours == {f"{route.method} {route.path}" for route in ROUTES}


def test_limits_of_other_machines_are_on_the_page() -> None:
    settings = limits.ServerSettings().shared()
    assert (CODE_LIVES_S, TRIES) == (600, 5)
    assert f"at most {settings.owner_jobs} jobs and {settings.owner_bytes // 2**30} GiB waiting" in PAGE
    assert f"{settings.kept_jobs} jobs or {settings.kept_bytes // 2**30} GiB are kept" in PAGE


def test_limits_are_on_the_page() -> None:
    settings = limits.ServerSettings()
    wanted = [
        f"{sizes.MAX_SIDE} px",
        f"{sizes.MAX_PIXELS:,} pixels".replace(",", " "),
        f"{limits.DECODED_BYTES // 2**30} GiB for all pictures",
        f"{protocol.REFERENCES} references",
        f"{limits.BLOBS} blobs",
        f"{settings.body_bytes / 2**30} GiB a body",
        f"{settings.waiting_bytes // 2**30} GiB waiting",
        f"{settings.waiting_jobs} jobs waiting",
        f"{settings.body_timeout_s:.0f} s without a byte",
        f"{settings.request_timeout_s:.0f} s for a request's head",
        f"{settings.connections} connections",
    ]
    assert [text for text in wanted if text not in PAGE] == []
