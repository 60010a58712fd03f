"""A catalogue of one small model on a host of the test's own; for processes that the tests start."""

from __future__ import annotations

import json
import os

from colorizer.catalogue import entries, store
from colorizer.catalogue.download import Rules
from colorizer.catalogue.entries import Catalogue, Entry, Kind, Licence, Remote


def use() -> None:
    """Puts it in the place of the published one; `COLORIZE_TEST_HOST` holds its address and length as JSON."""
    url, length = json.loads(os.environ["COLORIZE_TEST_HOST"])
    licence = Licence("Own", "Do what you like.", commercial=True, url="https://example.org")
    file = Remote(url, "trained.pth", length)
    entry = Entry("faces", "Faces", "anime_diffusion", Kind.ANIME_DIFFUSION, "Faces.", licence, (file,), 500)
    entries.load = lambda _=None: Catalogue((entry,))  # type: ignore[assignment]
    rules = Rules(("127.0.0.1",), secure=False, timeout_s=2, tries=20, pause_s=0.05)
    usual = store.Store.__init__
    store.Store.__init__ = lambda self, catalogue: usual(self, catalogue, rules)  # type: ignore[method-assign, assignment]
