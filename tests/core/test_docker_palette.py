"""Palettes: files of Krita and GIMP, and the nearest colour."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from krita_colorize.core import palette
from krita_colorize.core.errors import UserError

colours = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")


@pytest.mark.parametrize("name", ["mine.kpl", "mine.gpl"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(chosen=st.lists(colours, min_size=1, max_size=20, unique=True))
def test_files_round_trip(tmp_path: Path, name: str, chosen: list[str]) -> None:
    palette.write(tmp_path / name, chosen, "My\npalette")
    assert palette.read(tmp_path / name) == tuple(chosen)


def test_kpl_is_what_krita_writes(tmp_path: Path) -> None:
    palette.write(tmp_path / "a.kpl", ["#ff0000"], "A")
    with zipfile.ZipFile(tmp_path / "a.kpl") as archive:
        first = archive.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        assert b'r="1.000000"' in archive.read("colorset.xml")


@pytest.mark.parametrize("data", [b"", b"JASC-PAL", b"PK\x03\x04 broken", b"GIMP Palette\nName: x\n"])
def test_other_files_are_told(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.gpl").write_bytes(data)
    with pytest.raises(UserError, match=r"x\.gpl"):
        palette.read(tmp_path / "x.gpl")


def test_nearest_by_eye_not_by_number() -> None:
    assert palette.snapped(["#101010"], ["#000000", "#ff0000"]) == {"#101010": "#000000"}
    assert palette.snapped(["#00c000"], ["#00ff00", "#804000"]) == {"#00c000": "#00ff00"}


def test_locked_and_equal_colours_stay() -> None:
    assert palette.snapped(["#111111", "#222222"], ["#222222"], {"#111111"}) == {}
