"""A release is made by one command, and its manual is one page that Krita's plugin manager can show."""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
import time
import zipfile
from pathlib import Path

import pytest
from colorizer.krita_host import install, manual
from colorizer_lab.release import SUMS, release

from krita_colorize.qt import QtWidgets


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("release")
    release(made)
    return made


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def wheel(folder: Path, distribution: str) -> list[str]:
    with zipfile.ZipFile(next(folder.glob(f"{distribution}-*.whl"))) as archive:
        return archive.namelist()


def test_same_sources_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        time.sleep(1.1)  # archives keep times in seconds
        release(tmp_path)
    finally:
        os.umask(before)
    assert digests(tmp_path) == digests(folder)


def test_sums_are_those_of_the_files(folder: Path) -> None:
    lines = (folder / SUMS).read_text().splitlines()
    told = {name: digest for digest, name in (line.split("  ") for line in lines)}
    found = digests(folder)
    del found[SUMS]
    assert told == found
    assert sorted(Path(name).suffix for name in told) == [".gz", ".whl", ".whl", ".zip"]


def test_sources_are_whole_and_nothing_else(folder: Path) -> None:
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    assert {"colorize", "constraints.txt", "krita_colorize/__init__.py", "docs/manual.md", "LICENSE"} <= set(
        names
    )
    junk = re.compile(r"__pycache__|\.pyc$|^out/|^\.venv|\.new$")
    assert [name for name in names if junk.search(name)] == []


def test_zip_brings_the_manual(folder: Path) -> None:
    with zipfile.ZipFile(next(folder.glob("*.zip"))) as archive:
        page = archive.read("krita_colorize/Manual.html")
        service = archive.read("colorize.desktop").decode()
    assert page == manual.html()
    assert "X-Krita-Manual=Manual.html" in service


def test_wheel_brings_what_the_manual_is_made_from(folder: Path) -> None:
    names = wheel(folder, "krita_colorize")
    assert "colorizer/resources/manual/manual.md" in names
    assert "colorizer/resources/manual/pictures/check.png" in names


def test_lab_has_a_wheel_of_its_own(folder: Path) -> None:
    tops = {name.partition("/")[0] for name in wheel(folder, "krita_colorize_lab")}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"colorizer_lab"}
    assert "colorizer_lab/training/match.py" in wheel(folder, "krita_colorize_lab")
    assert [name for name in wheel(folder, "krita_colorize") if "colorizer_lab" in name] == []


def test_manual_needs_no_file_beside_it(qtbot: object) -> None:
    page = manual.html().decode()
    assert 'src="pictures' not in page
    browser = QtWidgets.QTextBrowser()
    browser.setHtml(page)  # as Krita does
    shown = browser.toPlainText()
    assert "one undo" in shown.lower()
    assert "|---" not in shown
    assert page.count('src="data:image/png;base64,') >= 3


def test_installed_plugin_has_the_manual(tmp_path: Path) -> None:
    target = install.install(install.Folders(tmp_path / "krita", tmp_path / "kritarc"))
    assert (target / "Manual.html").read_bytes() == manual.html()
