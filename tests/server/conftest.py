"""One backend with scripted engines for each module of tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from running_backend import Backend


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    started = Backend(tmp_path_factory.mktemp("backend"))
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
