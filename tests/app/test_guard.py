"""Whatever goes wrong in a slot is told, not raised."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from krita_colorize.app import guard
from krita_colorize.app.pen_gate import PenGate
from krita_colorize.app.workers import Workers
from krita_colorize.core.errors import UserError


class Widget:
    """Collects what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.report = self.told.append

    @guard.guarded
    def fails(self, error: Exception) -> None:
        raise error

    @guard.guarded
    def takes_one(self, value: int) -> None:
        self.told.append(str(value))


@pytest.mark.parametrize("error", [UserError("Draw first."), LookupError("The layer has gone.")])
def test_sentences_pass_through(error: Exception) -> None:
    widget = Widget()
    widget.fails(error)
    assert widget.told == [str(error)]


@pytest.mark.parametrize("error", [KeyError("x"), IndexError(), RuntimeError("wrapped C++ object deleted")])
def test_bugs_are_logged_and_told_plainly(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    widget = Widget()
    widget.fails(error)
    assert widget.told == [guard.OUR_BUG]
    assert type(error).__name__ in caplog.text


def test_surplus_signal_arguments_are_dropped() -> None:
    widget = Widget()
    widget.takes_one(1, True, "more")  # type: ignore[call-arg]
    assert widget.told == ["1"]


def test_workers_bring_results_back_to_the_gui_thread(qtbot: Any) -> None:
    workers, got = Workers(print), []
    workers.run(
        lambda: threading.get_ident(), lambda ident: got.append((ident, threading.get_ident())), got.append
    )
    qtbot.waitUntil(lambda: bool(got))
    there, here = got[0]
    assert here == threading.get_ident() != there
    workers.close()


def test_workers_bring_errors_back(qtbot: Any) -> None:
    workers, got = Workers(print), []
    workers.run(lambda: 1 // 0, got.append, lambda error: got.append(type(error)))
    qtbot.waitUntil(lambda: got == [ZeroDivisionError])
    workers.close()


def test_failing_callbacks_are_told(qtbot: Any) -> None:
    told: list[str] = []
    workers = Workers(told.append)

    def then(value: int) -> None:
        raise UserError("Too late.")

    workers.run(lambda: 1, then, print)
    qtbot.waitUntil(lambda: told == ["Too late."])
    workers.close()


def test_closed_workers_stay_silent(qtbot: Any) -> None:
    workers, got = Workers(print), []
    workers.run(lambda: 1, got.append, got.append)
    workers.close()
    qtbot.wait(50)
    assert got == []


def test_calm_waits_for_the_pen_and_keeps_the_order(qtbot: Any) -> None:
    pen, done = [True], []
    calm = PenGate(lambda: bool(pen), print)
    calm.when_pen_is_up(lambda: done.append(1))
    calm.when_pen_is_up(lambda: done.append(2))
    qtbot.wait(300)
    assert done == []
    pen.clear()
    qtbot.waitUntil(lambda: done == [1, 2])
    calm.when_pen_is_up(lambda: done.append(3))
    assert done == [1, 2, 3]


def test_one_failure_does_not_lose_what_waits_behind_it(qtbot: Any) -> None:
    told, done, pen = [], [], [True]
    calm = PenGate(lambda: bool(pen), told.append)

    def fail() -> None:
        raise UserError("The picture has been closed.")

    calm.when_pen_is_up(fail)
    calm.when_pen_is_up(lambda: done.append(1))
    pen.clear()
    qtbot.waitUntil(lambda: done == [1])
    assert told == ["The picture has been closed."]
