"""Every text the artist reads can be translated, and is, completely, into every language there is."""

from __future__ import annotations

import ast
import json
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from colorizer.protocol import options

from krita_colorize.core import translations
from krita_colorize.core.actions import ACTIONS
from krita_colorize.qt import QtWidgets
from krita_colorize.ui.docker import DockerWidget

PLUGIN = Path(translations.__file__).parents[1]
LANGUAGES = [language for language in translations.languages() if language != "en"]
SHOWN_LATER = {"UserError", "LookupError", "ModeWords"}
"""Their texts are given to `tr` where they are shown."""
CONSTANTS = re.compile(r"^_?[A-Z][A-Z_]*$")
WIDGETS = {
    "setToolTip",
    "setText",
    "setAccessibleName",
    "setWindowTitle",
    "QLabel",
    "QPushButton",
    "QCheckBox",
}


def name_of(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def literals(nodes: list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def is_for_people(text: str) -> bool:
    return bool(re.search(r"[A-Za-z]{2,}", text)) and (text[:1].isupper() or text[:1] in "{“")


def texts(tree: ast.Module, *, constants: bool) -> Iterator[str]:
    """What is given to `tr` here, or kept in constants to be given to it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name_of(node) == "tr":
            yield from literals(node.args)
        elif isinstance(node, ast.Call) and name_of(node) in SHOWN_LATER:
            yield from filter(is_for_people, literals(node.args))
    for node in tree.body if constants else ():
        if isinstance(node, ast.Assign) and CONSTANTS.match(getattr(node.targets[0], "id", "")):
            inside = list(literals([n for n in ast.walk(node.value) if isinstance(n, ast.expr)]))
            yield from (
                text for text in inside if re.search(r"[a-z] [a-z]|^[A-Z][a-z]+$", text) and text[0].isupper()
            )


def of_options() -> Iterator[str]:
    """What the backend says about options."""
    for option in options.table():
        yield from (option.title, option.tooltip)
        if option.name != "sampler":  # samplers are called as their libraries call them
            yield from (choice.title for choice in option.choices)


def all_texts() -> set[str]:
    found = {*translations.STAGES, *(action.text for action in ACTIONS), *of_options()}
    for path in PLUGIN.rglob("*.py"):
        if path.name in ("qt.py", "actions.py") or path.match("core/bundle.py"):
            continue
        constants = path.parent.name != "krita_port"  # its own are names of Krita's
        found |= set(texts(ast.parse(path.read_text("utf-8")), constants=constants))
    return {text for text in found if text} - NAMES


NAMES = {
    *("Colorized", "Foreground mask", "Colour hints", "Colorize", "Match (built in)"),  # layers, groups, products
    *("DPM++ 2M SDE Heun", "Euler a", "Euler", "Heun", "Karras", "Exponential", "Polyexponential", "SGM Uniform"),
    *("Uniform", "Flats", "Colours", "Shading", "Light", "Scripted"),
}  # fmt: skip


def fields(text: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field}


@pytest.fixture(params=LANGUAGES)
def translation(request: pytest.FixtureRequest) -> dict[str, str]:
    return json.loads((translations.FOLDER / f"{request.param}.json").read_text("utf-8"))


def test_there_are_two_languages_beside_english() -> None:
    assert {"de", "fr"} <= set(LANGUAGES)


def test_nothing_is_missing(translation: dict[str, str]) -> None:
    assert sorted(all_texts() - set(translation)) == []


def test_nothing_is_left_over(translation: dict[str, str]) -> None:
    assert sorted(set(translation) - all_texts()) == []


def test_the_same_values_are_put_in(translation: dict[str, str]) -> None:
    assert [key for key, text in translation.items() if fields(key) != fields(text) or not text.strip()] == []


def test_sentences_stay_sentences(translation: dict[str, str]) -> None:
    ends = ".…:?)"
    assert [
        key for key, text in translation.items() if key.endswith(".") and text.rstrip()[-1] not in ends
    ] == []


def test_no_widget_gets_a_text_of_its_own() -> None:
    found = []
    for path in (PLUGIN / "ui").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and name_of(node) in WIDGETS:
                found += [
                    f"{path.name}: {text}" for text in literals(node.args) if re.search("[a-z]{3}", text)
                ]
    assert found == []


def test_the_docker_speaks_the_chosen_language(session: Any, qtbot: Any) -> None:
    translations.use("de_AT")
    try:
        docker = DockerWidget(session)
        qtbot.addWidget(docker)
        buttons = {
            button.objectName(): button.text() for button in docker.findChildren(QtWidgets.QAbstractButton)
        }
        assert buttons["cancel_button"] == "Abbrechen"
        assert session.status == "Öffne ein Bild, um es zu kolorieren"
        assert docker.minimumSizeHint().width() <= 320
    finally:
        translations.use("en")
    assert session.status == "Open a picture to colour it"


@pytest.mark.parametrize("locale", ["", "C", "xx", "../de", "en_GB"])
def test_other_locales_are_english(locale: str) -> None:
    translations.use(locale)
    assert translations.tr("Cancel") == "Cancel"
