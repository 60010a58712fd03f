"""The artist's manual as one HTML file, for the page of Krita's plugin manager; made from `docs/manual.md`.

Krita shows it in a text widget that finds no files beside it: so the pictures are inside, and there is no style sheet.
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
    """`manual.md`, in a clone as in an installed package."""
    shipped = paths.resource("manual")
    folder = shipped if shipped.is_dir() else Path(__file__).resolve().parents[3] / "docs"
    return folder / "manual.md"


def html() -> bytes:
    """The manual, UTF-8."""
    page = source()
    text = MarkdownIt("commonmark").enable("table").render(page.read_text(encoding="utf-8"))
    text = re.sub(r'<img src="([^":]+)"', lambda found: _inside(page.parent / found[1]), text)
    text = re.sub(r'<a href="(?!https?:)[^"]*">(.*?)</a>', r"\1", text)  # other pages aren't there
    text = text.replace("<table>", '<table border="1" cellspacing="0" cellpadding="3">')
    return f'<html><head><meta charset="utf-8"></head><body>\n{text}</body></html>\n'.encode()


def _inside(picture: Path) -> str:
    data = base64.b64encode(picture.read_bytes()).decode("ascii")
    return f'<img width="{_WIDTH_PX}" src="data:image/png;base64,{data}"'
