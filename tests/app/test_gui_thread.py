"""The GUI thread stays free: what is slow runs on workers only. How long it is held is measured, not tested: see
benchmarks/way.py."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import pkgutil
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

import pytest
from docker_stage import Page, wait
from fake_port import FakePort

import krita_colorize.app
import krita_colorize.core
from krita_colorize.app import workers
from krita_colorize.app.session import Session
from krita_colorize.core import bundle, key_strokes
from krita_colorize.core.port import KEY_STROKES
from krita_colorize.core.request import bundle_parts
from krita_colorize.core.settings import Options

SAID = "for worker threads"
SLOW_BUILTINS = (zlib.compress, zlib.decompress, hashlib.sha256)


def said_to_be_slow() -> Iterator[CodeType]:
    """All functions of the docker whose docstring says that they are for worker threads."""
    for room in (krita_colorize.app, krita_colorize.core):
        for found in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
            for owner in [module := importlib.import_module(found.name), *vars(module).values()]:
                if inspect.ismodule(owner) or (inspect.isclass(owner) and owner.__module__ == found.name):
                    for value in vars(owner).values():
                        function = (
                            inspect.unwrap(getattr(value, "__func__", value)) if callable(value) else value
                        )
                        if inspect.isfunction(function) and SAID in " ".join(
                            (function.__doc__ or "").split()
                        ):
                            yield function.__code__


@contextmanager
def watched() -> Iterator[list[str]]:
    """The names of slow functions that this thread, the GUI's, calls meanwhile."""
    slow, called = set(said_to_be_slow()) | {bundle.encode.__code__, bundle.Bundle.blob.__code__}, []

    def look(frame: FrameType, event: str, builtin: object) -> None:
        if event == "call" and frame.f_code in slow:
            called.append(frame.f_code.co_qualname if sys.version_info >= (3, 11) else frame.f_code.co_name)
        elif event == "c_call" and builtin in SLOW_BUILTINS:
            called.append(str(builtin))

    sys.setprofile(look)
    try:
        yield called
    finally:
        sys.setprofile(None)


def test_nothing_slow_of_a_job_runs_on_the_gui_thread(
    ready: Session, page: Page, port: FakePort, qtbot: Any
) -> None:
    ready.document.change(options=Options(colorize_mask=True))
    with watched() as called:
        ready.colorize()
        wait(qtbot, lambda: ready.document.results or ready.error)
        ready.apply()
        wait(qtbot, lambda: port.inserted or ready.error)
    assert (ready.error, called) == ("", [])
    (marks,) = [layer for layer in port.inserted[0].layers if layer.role == KEY_STROKES]
    assert (len(marks.key_strokes), marks.pixels.data) == (1, b"")


def test_the_watch_sees_what_is_slow() -> None:
    codes = set(said_to_be_slow())
    assert {bundle_parts.__code__, key_strokes.split.__code__} < codes
    assert len(codes) > 10
    with watched() as called:
        zlib.compress(b"")
        bundle.encode({}, [])
    assert len(called) == 2


def test_threads_at_work_let_the_gui_thread_in_often(qtbot: Any) -> None:
    pool = workers.Workers(print)
    usual, seen = sys.getswitchinterval(), []
    work: Callable[[], float] = sys.getswitchinterval
    for _ in range(4):
        pool.run(work, seen.append, print)
    wait(qtbot, lambda: len(seen) == 4)
    pool.close()
    assert seen == [pytest.approx(workers.SWITCH_S)] * 4
    assert sys.getswitchinterval() == usual
