"""Random requests from the server's own OpenAPI description, and bundles with one thing wrong.

`attack` makes them, checks every answer and measures what is left over. The suite makes a few hundred; ten thousand
are `benchmarks/fuzz_server.py`.
"""

from __future__ import annotations

import copy
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import psutil
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from running_backend import MEDIA_TYPE, Backend, JobBundle, RemoteBackend, bundle_of
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [content_type_conformance, response_schema_conformance, status_code_conformance]
ERROR = {"ok", "status", "code", "message"}
ROUND = 250
"""Hypothesis keeps what it has drawn: short rounds keep this process small as well."""

JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["colorize", "mask", "scripted", "match", "#aabbcc", "../..", "\x00"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)


@schemathesis.serializer(MEDIA_TYPE)
def as_it_is(_: Any, value: Any) -> bytes:
    """A bundle's bytes."""
    return getattr(value, "data", value)


@dataclass
class Figures:
    """What came of it."""

    requests: int = 0
    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    jobs_done: int = 0
    memory_mb: list[float] = field(default_factory=list)
    """Of the server, after each round."""
    before: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        return asdict(self) | {"statuses": dict(sorted(self.statuses.items()))}


def attack(backend: Backend, count: int) -> Figures:
    """So many requests; raises AssertionError at the first answer that breaks a rule."""
    figures, http = Figures(), requests.Session()
    http.trust_env = http.verify = False
    strategies = [*_operations(backend), bundles()]  # bundles twice: most of what can go wrong is in them
    started, number = time.monotonic(), 0
    while figures.requests < count:
        strategy = strategies[number % len(strategies)]
        size = min(ROUND, max(1, count // len(strategies)), count - figures.requests)
        _round(backend, http, strategy, size, number, figures)
        number += 1
        memory = psutil.Process(backend.process.pid).memory_info().rss
        figures.memory_mb.append(round(memory / 2**20, 1))
        if not figures.before and figures.requests >= count // 5:  # whatever is made once, is made by now
            figures.before = left_over(backend)
    figures.after, figures.seconds = left_over(backend), round(time.monotonic() - started, 1)
    return figures


def left_over(backend: Backend) -> dict[str, float]:
    """Memory (MB), open files and threads of both processes, once all jobs are done and forgotten."""
    backend.wait_until(lambda: backend.get("/v1/health").json["waiting"] == 0)
    found: dict[str, float] = {}
    for name, process in (("server", psutil.Process(backend.process.pid)), ("worker", backend.worker)):
        found[f"{name}_mb"] = round(process.memory_info().rss / 2**20, 1)
        found[f"{name}_handles"] = process.num_fds() if hasattr(process, "num_fds") else process.num_handles()
        found[f"{name}_threads"] = process.num_threads()
    return found


def _round(
    backend: Backend, http: requests.Session, strategy: Any, size: int, number: int, figures: Figures
) -> None:
    def one(drawn: Any) -> None:
        if isinstance(drawn, bytes):
            _post_bundle(backend, http, drawn, figures)
        else:
            _call(backend, http, drawn, figures)

    settled = settings(
        max_examples=size,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    seed(number)(settled(given(strategy)(one)))()


def _call(backend: Backend, http: requests.Session, case: schemathesis.Case, figures: Figures) -> None:
    if figures.requests % 10:  # every tenth keeps whatever token was drawn
        case.headers = {**case.headers, **backend.headers}
    if "job" in case.path_parameters and figures.requests % 3 == 0:
        case.path_parameters["job"] = backend.submit(JobBundle().encode())
    arguments = case.as_transport_kwargs(base_url=_place(backend))
    try:
        answer = http.request(**arguments, timeout=60)
    except (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL):
        return
    check(answer, figures)
    case.validate_response(answer, checks=CHECKS)


def _post_bundle(backend: Backend, http: requests.Session, body: bytes, figures: Figures) -> None:
    headers = backend.headers | {"Content-Type": MEDIA_TYPE, "Colorize-Job": f"{figures.requests:032x}"}
    answer = http.post(f"{_place(backend)}/v1/jobs", body, headers=headers, timeout=60)
    check(answer, figures)
    if answer.status_code == 202:
        ended = backend.wait(answer.json()["id"])
        assert (ended["error"] or {}).get("code") != "internal", ended
        figures.jobs_done += 1


def _place(backend: Backend) -> str:
    scheme = "https" if isinstance(backend, RemoteBackend) else "http"
    return f"{scheme}://127.0.0.1:{backend.port}"


def check(answer: requests.Response, figures: Figures) -> None:
    """The rules of every answer."""
    figures.requests += 1
    figures.statuses[answer.status_code] += 1
    assert answer.status_code < 500, (answer.request.method, answer.request.url, answer.text)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if answer.status_code >= 400:
        told = answer.json()
        assert set(told) == ERROR
        assert told["status"] == answer.status_code


def _operations(backend: Backend) -> Iterator[Any]:
    schemathesis.openapi.media_type(MEDIA_TYPE, bundles())
    schema = schemathesis.openapi.from_dict(backend.get("/v1/openapi").json)
    for found in schema.get_all_operations():
        yield found.ok().as_strategy()


@st.composite
def bundles(draw: Callable[[Any], Any]) -> bytes:
    """A good job, or one with a few values, bytes or lengths that are wrong."""
    made = JobBundle()
    header = {"blobs": [entry for entry, _ in made.blobs], "request": made.request}
    header = copy.deepcopy(header)
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        _spoil(draw, header)
    body = bytearray(bundle_of(header, *(data for _, data in made.blobs)))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 3]))):
        body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    whole = draw(st.sampled_from([True, True, True, True, False]))
    return bytes(body if whole else body[: draw(st.integers(0, len(body)))])


def _spoil(draw: Callable[[Any], Any], value: Any) -> None:
    """Puts junk somewhere into the tree, or takes something out."""
    while True:
        keys = sorted(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = draw(st.sampled_from(keys))
        if isinstance(value[key], dict | list) and draw(st.booleans()):
            value = value[key]
            continue
        if draw(st.integers(0, 4)) == 0:
            del value[key]
        else:
            value[key] = draw(JUNK)
        return


def told(figures: Figures) -> str:
    """One JSON line."""
    return json.dumps(figures.record())
