"""One backend with scripted engines for each module of tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from running_backend import Backend, RemoteBackend


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    started = Backend(tmp_path_factory.mktemp("backend"))
    yield started
    started.close()


@pytest.fixture(scope="module", params=["local", "remote"])
def either(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """A backend for this machine, then one for others: rules that hold for both."""
    kind = Backend if request.param == "local" else RemoteBackend
    started = kind(tmp_path_factory.mktemp(request.param))
    yield started
    started.close()


@pytest.fixture
def start_backend(tmp_path: Any) -> Iterator[Callable[..., Backend]]:
    """Starts backends with settings of their own."""
    started: list[Backend] = []

    def start(**settings: Any) -> Backend:
        started.append(Backend(tmp_path, **settings))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture(params=["local", "remote"])
def start_either(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Callable[..., Backend]]:
    """As `start_backend`, for this machine and for others."""
    kind = Backend if request.param == "local" else RemoteBackend
    started: list[Backend] = []

    def start(**settings: Any) -> Backend:
        started.append(kind(tmp_path, **settings))
        return started[-1]

    yield start
    for one in started:
        one.close()
