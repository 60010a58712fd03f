"""A docker session without Krita, in a process of its own that test_sleep.py lets sleep.

The argument is a home folder with a launch file. Every line on stdout is one thing that has happened.
"""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent)]


def main(home: Path) -> None:
    from docker_stage import milestone, open_page
    from fake_port import FakePort

    from krita_colorize.app import client
    from krita_colorize.app.session import Session
    from krita_colorize.qt import QtWidgets

    client.ANSWER_WITHIN_MS = 700
    _app = QtWidgets.QApplication([])
    session = Session(port := FakePort(), home=home)
    page = open_page(port)
    milestone(session, lambda: session.document is not None and session.document.sketch is not None, "open")
    session.document.change(engine="scripted", model="brief")
    session.references.add_layer(session.document, page.sheet)
    session.colorize()
    milestone(session, lambda: session.job is not None and "Painting" in session.job.words, "painting")
    milestone(session, lambda: session.document.results or session.error, "ended")
    milestone(session, lambda: session.job is None, session.error or session.status)
    session.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
