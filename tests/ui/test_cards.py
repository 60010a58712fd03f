"""The little pictures on the models' cards: every model of the catalogue has some, drawn, small, and told in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from krita_colorize.core import explained
from krita_colorize.core.explained import FOLDER, TITLES, Explained
from krita_colorize.ui.explained import ExplainedPicture

CATALOGUE = Path(__file__).resolve().parents[2] / "resources" / "models.json"
ENTRIES = json.loads(CATALOGUE.read_text("utf-8"))["models"]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["name"])
def test_every_model_of_the_catalogue_is_explained(entry: dict[str, Any]) -> None:
    what = explained.explained(entry["name"], entry["engine"])
    assert what is not None
    assert {*what.inputs, what.outcome} <= set(TITLES)


def test_every_picture_is_there_small_and_needed() -> None:
    files = {path.stem: path.stat().st_size for path in FOLDER.glob("*.png")}
    needed = [*explained._OF_MODELS.values(), *explained._OF_ENGINES.values()]
    assert set(files) == set(TITLES) == {name for what in needed for name in (*what.inputs, what.outcome)}
    assert sum(files.values()) < 200_000


def test_an_engine_of_the_future_has_no_picture() -> None:
    assert explained.explained("mine", "telepathy") is None


@pytest.mark.parametrize("width", [300, 150])
def test_pictures_fit_their_width(width: int, qtbot: Any) -> None:
    picture = ExplainedPicture(Explained(("mood", "evening"), "coloured"))
    qtbot.addWidget(picture)
    picture.resize(width, 72)
    seen = picture.grab().toImage()
    blank = seen.pixel(0, seen.height() - 1) if width == 150 else seen.pixel(width - 1, 0)
    columns = [x for x in range(width) if any(seen.pixel(x, y) != blank for y in range(0, 30, 3))]
    assert columns[-1] - columns[0] > width * 0.75
    assert picture.toolTip() == "Any reference + Coloured in that mood → Coloured picture"
