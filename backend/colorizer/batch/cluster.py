"""Runs a batch's tasks on the workers of a Ray cluster; the pictures are sent with the tasks.

The workers need this package and the model, but no shared folder. If the cluster has GPUs, each task takes one, unless
the device is `cpu`. If a worker dies, its task has failed; `run` retries it like any other failed task.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from functools import lru_cache
from types import TracebackType
from typing import Any

from colorizer.batch.crew import Task, prepared
from colorizer.batch.work import Desk, Failure, Setup, attempt
from colorizer.errors import ColorizerError, InvalidInput

_PATIENCE_S = 5
_WAITING = 2
"""Tasks that are queued for each worker, so that no worker waits for the network."""


class RayCrew:
    """The workers of a Ray cluster; a context manager.

    Args:
        address: `HOST:PORT` of a running cluster, `auto` for the one that this machine belongs to, `local` for workers
            on this machine only.
        setup: the settings and pictures that all pages share.
        workers: the number of workers, only for `local`; None for one per processor.
    """

    def __init__(self, address: str, setup: Setup, workers: int | None = None) -> None:
        ray = _ray()
        _check_reachable(ray, address)
        try:
            ray.init(
                address=address,
                num_cpus=workers if address == "local" else None,
                include_dashboard=False if address == "local" else None,
                configure_logging=False,
                log_to_driver=False,
            )
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = str(error).partition("\n")[0]
            raise InvalidInput(
                f"The cluster {address} refuses the connection ({reason})."
                " Check that it has the same Ray version and token as this machine."
            ) from error
        self._ray = ray
        self._setup = ray.put(setup)
        # Ray hides the GPUs from tasks that don't request one.
        with_gpu = setup.device in ("auto", "cuda") and ray.cluster_resources().get("GPU", 0) > 0
        self._do = ray.remote(max_retries=0, num_gpus=1 if with_gpu else 0)(_do)

    def __enter__(self) -> RayCrew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ray.shutdown()

    def run(self, step: str, tasks: Sequence[Task]) -> Iterator[tuple[int, Any]]:
        """See `crew.Crew`."""
        ray, coming = self._ray, iter(enumerate(tasks))
        on_their_way: dict[Any, int] = {}
        most = _WAITING * max(1, int(ray.cluster_resources().get("CPU", 1)))
        while True:
            while len(on_their_way) < most and (sent := next(coming, None)) is not None:
                index, arguments = sent[0], prepared(sent[1])
                if isinstance(arguments, Failure):
                    yield index, arguments
                else:
                    on_their_way[self._do.remote(self._setup, step, arguments)] = index
            if not on_their_way:
                return
            (ready, *_), _ = ray.wait(list(on_their_way))
            yield on_their_way.pop(ready), self._result(ready)

    def _result(self, ready: Any) -> Any:
        try:
            return self._ray.get(ready)
        except self._ray.exceptions.RayError as error:
            reason = str(error).partition("\n")[0]
            return Failure(f"The worker that coloured this page was lost ({reason}).")


def _check_reachable(ray: Any, address: str) -> None:
    """Fails early if the address doesn't answer; Ray itself would retry for minutes."""
    host, colon, port = address.rpartition(":")
    if not colon:
        return
    # Ray listens only at the machine's network address and translates loopback names to it.
    hosts = [host, ray.util.get_node_ip_address()] if host in ("127.0.0.1", "localhost") else [host]
    problem: Exception | None = None
    for each in hosts:
        try:
            socket.create_connection((each, int(port)), timeout=_PATIENCE_S).close()
        except (OSError, ValueError) as error:
            problem = error
        else:
            return
    raise InvalidInput(
        f"The cluster {address} doesn't answer ({problem}). Check that `ray start --head` runs there."
    ) from problem


def _do(setup: Setup, step: str, arguments: tuple[Any, ...]) -> Any:
    """Runs one step on a worker; the worker keeps its engine loaded between tasks."""
    try:
        desk = _desk(setup)
    except ColorizerError as error:
        return Failure(str(error))
    return attempt(desk, step, arguments)


@lru_cache(maxsize=1)
def _desk(setup: Setup) -> Desk:
    return Desk(setup)


def _ray() -> Any:
    import os

    # Without these settings Ray would copy uv's whole environment and send usage statistics to its makers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.exceptions
        import ray.util
    except ImportError as error:
        raise InvalidInput(
            "Working on a cluster needs Ray, which isn't installed."
            " Install it with `pip install krita-colorize[cluster]`, here and on the workers."
        ) from error
    return ray
