"""A docker session without Krita, in a process of its own that test_sleep.py lets sleep.

The argument is a home folder with a launch file. Every line on stdout is one thing that has happened.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent)]


def main(home: Path) -> None:
    from docker_stage import open_page
    from fake_port import FakePort

    from krita_colorize.app import client
    from krita_colorize.app.session import Session
    from krita_colorize.qt import QtCore, QtWidgets

    client.ANSWER_WITHIN_MS = 700
    app = QtWidgets.QApplication([])

    def wait(condition: Callable[[], object], what: str) -> None:
        end = time.monotonic() + 100
        while not condition():
            app.processEvents(QtCore.QEventLoop.ProcessEventsFlag.AllEvents, 50)
            if time.monotonic() > end:
                sys.exit(f"it didn't happen: {what}; {session.status}; {session.error}")
        print(what, flush=True)

    session = Session(port := FakePort(), home=home)
    page = open_page(port)
    wait(lambda: session.document is not None and session.document.sketch is not None, "open")
    session.document.change(engine="scripted", model="brief")
    session.references.add_layer(session.document, page.sheet)
    session.colorize()
    wait(lambda: session.job is not None and "Painting" in session.job.words, "painting")
    wait(lambda: session.document.results or session.error, "ended")
    wait(lambda: session.job is None, session.error or session.status)
    session.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
