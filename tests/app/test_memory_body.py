"""Bodies of jobs: shared in sealed memory where they are large, else a byte array."""

from __future__ import annotations

import os
import sys

import pytest

from krita_colorize.app import memory
from krita_colorize.app.memory import SharedBody, body_of
from krita_colorize.qt import QtCore

linux = pytest.mark.skipif(sys.platform != "linux", reason="sealed memory is Linux's")


def test_small_bodies_are_sent() -> None:
    body = body_of([b"ab", bytearray(b"c")])
    assert isinstance(body, QtCore.QByteArray)
    assert body.data() == b"abc"


@linux
def test_large_bodies_are_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MIN_BYTES", 3)
    body = body_of([b"ab", bytearray(b"c")])
    assert isinstance(body, SharedBody)
    assert body.read() == b"abc"
    fd = int(body.announcement().split(b":")[1].split(b",")[0])
    with pytest.raises(OSError, match="not permitted"):
        os.write(fd, b"x")
    memory.close(body)
    memory.close(body)
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(fd)


@linux
def test_bodies_are_sent_where_there_is_no_shared_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError("no memory")

    monkeypatch.setattr(memory, "MIN_BYTES", 3)
    monkeypatch.setattr(os, "memfd_create", full)
    assert isinstance(body_of([b"abc"]), QtCore.QByteArray)
