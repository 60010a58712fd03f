"""Pictures from the wild as references: each is read, or told in a sentence; nothing else happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from krita_colorize.app import pictures
from krita_colorize.core.errors import UserError

pytestmark = pytest.mark.corpus

SUFFIXES = {".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff"}


def sentence(path: Path) -> str:
    """What is told about a picture file, "" where it could be read."""
    try:
        pixels = pictures.to_pixels(pictures.read_file(str(path)))
    except UserError as told:
        return str(told)
    assert len(pixels.data) == pixels.width * pixels.height * 4, path
    return ""


def test_every_hostile_file_is_read_or_told(corpus: Path) -> None:
    files = [path for path in sorted(corpus.glob("hostile_*/*")) if path.suffix.lower() in SUFFIXES]
    sentences = [sentence(path) for path in files]
    assert sentences.count("") > 40
    assert all(told == "" or told.endswith(".") for told in sentences)


@pytest.mark.parametrize("name", ["sketch.png", "zero_bytes.png"])
def test_broken_files_are_told(corpus: Path, name: str) -> None:
    with pytest.raises(UserError, match=name):
        pictures.read_file(str(corpus / "hostile_truncated" / name))
