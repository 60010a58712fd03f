"""The documentation site: builds, holds together, and loads nothing from elsewhere."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from colorizer import cli
from colorizer_lab import cli_docs
from typer.testing import CliRunner

pytest.importorskip("mkdocs")
ROOT = Path(__file__).resolve().parents[2]


def build(out: Path):
    return CliRunner().invoke(cli.app, ["docs", "-o", str(out)])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    result = build(folder)
    assert result.exception is None, result.exception  # broken links are errors
    return folder


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what the site is made from."""
    for name in ("mkdocs.yml", "docs_hook.py", "CONTRIBUTING.md", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    monkeypatch.setattr(cli_docs, "ROOT", tmp_path)
    return tmp_path


def test_every_page_is_there(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    pages |= {Path("contributing.html"), Path("changelog.html")}
    assert [page for page in pages if not (site / page).is_file()] == []


def test_every_page_is_in_the_menu(site: Path) -> None:
    menu = (site / "index.html").read_text("utf-8")
    pages = {
        path.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        for path in (ROOT / "docs").rglob("*.md")
    }
    assert [page for page in pages - {"index.html"} if f'href="{page}"' not in menu] == []


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = re.findall(
            r'<(?:script|img|link)[^>]+(?:src|href)="(https?:[^"]+)"', page.read_text("utf-8")
        )
        assert loaded == [], page


@pytest.mark.parametrize("link", ["nowhere.md", "manual.md#nowhere", "pictures/nowhere.png"])
def test_broken_links_are_errors(copied: Path, tmp_path: Path, link: str) -> None:
    with (copied / "docs" / "wire.md").open("a", encoding="utf-8") as page:
        page.write(f"\n[broken]({link})\n")
    result = build(tmp_path / "site")
    assert isinstance(result.exception, cli_docs.NoSite)
    assert link.partition("#")[0] in str(result.exception)


def test_site_is_made_from_a_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_docs, "ROOT", tmp_path)
    with pytest.raises(cli_docs.NoSite, match="in a clone of the repository"):
        raise build(tmp_path / "site").exception
