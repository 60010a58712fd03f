"""A hundred random requests from the server's own description; ten thousand are `benchmarks/fuzz_server.py`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from colorizer.server import jobs, limits, routes
from colorizer.server.edits import Edits
from colorizer.server.model_tasks import ModelTasks
from running_backend import Backend

QUIET = [sys.executable, "-c", "print('{\"result\": {}}')"]


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Backend]:
    """Changes of models end at once."""
    backend = Backend(tmp_path, model_command=QUIET, kept_jobs=4)
    yield backend
    backend.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_random_requests_are_answered(quick: Backend) -> None:
    from fuzzing import attack

    figures = attack(quick, 120)
    assert figures.jobs_done > 0
    assert figures.statuses[200] > 0
    assert figures.after["server_handles"] <= figures.before["server_handles"] + 4
    assert figures.after["server_mb"] < figures.before["server_mb"] + 30


def test_description_names_every_route(quick: Backend) -> None:
    told = quick.get("/v1/openapi").json["paths"]
    settings = limits.ServerSettings()
    app = routes.application(jobs.JobQueue(settings), Edits(settings), ModelTasks(lambda: None, ()), settings)
    ours = {(route.path, m.lower()) for route in app.routes for m in route.methods - {"HEAD"}}
    assert ours == {(path, method) for path, methods in told.items() for method in methods}


def test_description_holds_together(quick: Backend) -> None:
    document = quick.get("/v1/openapi").json
    schemas = document["components"]["schemas"]
    text = str(document)
    named = {part.partition("'")[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= set(schemas)
    assert all(
        operation["summary"] for methods in document["paths"].values() for operation in methods.values()
    )
