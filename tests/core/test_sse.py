"""Server-sent events arrive in any pieces."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krita_colorize.core.sse import Event, Parser

STREAM = (
    'event: status\ndata: {"stage": "Färben"}\n\n: still here\n\nevent: status\r\ndata: a\r\ndata: b\r\n\r\n'
).encode()
EVENTS = [Event("status", '{"stage": "Färben"}'), Event("status", "a\nb")]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_cuts_anywhere_change_nothing(cuts: list[int]) -> None:
    parser, events = Parser(), []
    edges = [0, *sorted(cuts), len(STREAM)]
    for start, end in itertools.pairwise(edges):
        events += parser.feed(STREAM[start:end])
    assert events == EVENTS


def test_unfinished_events_wait() -> None:
    parser = Parser()
    assert parser.feed(b"data: x\n") == []
    assert parser.feed(b"\n") == [Event("message", "x")]


def test_endless_events_are_refused() -> None:
    with pytest.raises(ValueError, match="1 MiB"):
        Parser().feed(b"x" * (2 << 20))
