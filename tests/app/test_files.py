"""Files are put in place whole, and the oldest make room."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from krita_colorize.app import files


def test_the_oldest_make_room(tmp_path: Path) -> None:
    for number in range(5):
        path = tmp_path / f"{number}.clz"
        path.write_bytes(bytes(100))
        os.utime(path, (number, number))
    gone = tmp_path / "deleted meanwhile.clz"
    files.prune([*tmp_path.iterdir(), gone], 250, tmp_path / "0.clz")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.clz", "4.clz"]


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new folder" / "one.clz"
    files.put(path, [b"first", b", whole"])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        files.put(path, [b"second"])
    assert path.read_bytes() == b"first, whole"
