"""The artist's manual as one HTML file for Krita's plugin manager; made from `docs/manual.md`.

Krita shows it in a text widget that can't load other files, so the pictures are embedded and there is no style sheet.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path

from markdown_it import MarkdownIt

from colorizer import paths

NAME = "Manual.html"
_WIDTH_PX = 480  # the plugin manager's page is narrow


def source() -> Path:
    """The path of `manual.md`, in a clone or in an installed package."""
    shipped = paths.resource("manual")
    folder = shipped if shipped.is_dir() else Path(__file__).resolve().parents[3] / "docs"
    return folder / "manual.md"


def html() -> bytes:
    """The manual as HTML in UTF-8."""
    page = source()
    text = MarkdownIt("commonmark").enable("table").render(page.read_text(encoding="utf-8"))
    text = re.sub(r'<img src="([^":]+)"', lambda found: _inside(page.parent / found[1]), text)
    text = re.sub(
        r'<a href="(?!https?:)[^"]*">(.*?)</a>', r"\1", text
    )  # links to other pages can't be followed there
    text = text.replace("<table>", '<table border="1" cellspacing="0" cellpadding="3">')
    return f'<html><head><meta charset="utf-8"></head><body>\n{text}</body></html>\n'.encode()


def _inside(picture: Path) -> str:
    data = base64.b64encode(picture.read_bytes()).decode("ascii")
    return f'<img width="{_WIDTH_PX}" src="data:image/png;base64,{data}"'
