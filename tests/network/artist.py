"""The artist's side of test_two_machines: a docker session without Krita, told what to do, telling where it is.

Arguments: address, pairing code. Every line on stdout is one thing that has happened. Runs in a process of its own,
because its network namespace is another one than the tests'.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

os.environ |= {"COLORIZE_QT": "PyQt6", "QT_QPA_PLATFORM": "offscreen"}
TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent)]


def main(address: str, code: str) -> None:
    from docker_stage import milestone, open_page
    from fake_port import FakePort

    from krita_colorize.app import client
    from krita_colorize.app.session import Session
    from krita_colorize.qt import QtWidgets

    client.ANSWER_WITHIN_MS = 4000  # a pulled cable says nothing: this is how long nothing is waited for
    _app = QtWidgets.QApplication([])
    session = Session(port := FakePort(), home=Path(tempfile.mkdtemp()))
    page = open_page(port)
    milestone(session, lambda: session.document is not None and session.document.sketch is not None, "open")
    session.backend.pair(address, code)
    milestone(session, lambda: session.backend.chosen, "paired")
    session.document.change(engine="scripted", model="brief")
    session.references.add_layer(session.document, page.sheet)
    session.colorize()
    milestone(session, lambda: session.document.results, "coloured")
    session.colorize()
    milestone(session, lambda: session.job is not None and "Painting" in session.job.words, "painting")
    milestone(session, lambda: "No connection" in session.job.words, "no connection")
    milestone(session, lambda: len(session.document.results) == 2, "result arrived")
    print(session.error or "no error", flush=True)
    session.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
