"""Translates all sentences and labels that the artist reads with `tr`; the English text is the key.

Translations are JSON files (`translations/de.json`, `translations/fr.json`): English -> translation. `tr` is called
when a text is shown, never at import, so that the language can be chosen later. Without a translation the English text
is shown. Names of files, layers and engines are inserted by `format`.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "translations"

STAGES = (
    "Aligning with the lines",
    "Colouring",
    "Finding lines",
    "Finding regions",
    "Finding the foreground",
    "Keeping the rest",
    "Loading the model",
    "Matching colours",
    "Packing the layers",
    "Painting layers",
    "Reading the instruction",
    "Reading the pictures",
    "Reading the reference",
    "Retrying with less memory",
    "Waiting for another Krita",
    "Waiting for the engine",
)
"""The backend's names of stages, which are translated; others are shown in English."""

log = logging.getLogger("krita_colorize")

_chosen: dict[str, str] = {}


def languages() -> tuple[str, ...]:
    """The available languages, English first."""
    return ("en", *sorted(path.stem for path in FOLDER.glob("*.json")))


def use(locale: str) -> None:
    """Chooses the language of a locale ("de", "de_AT", "fr-CA"); English if there is no translation."""
    _chosen.clear()
    language = locale.replace("-", "_").partition("_")[0].lower()
    if language in languages()[1:]:
        try:
            _chosen.update(json.loads((FOLDER / f"{language}.json").read_text("utf-8")))
        except (OSError, ValueError) as error:
            log.warning("the words of %s can't be read: %s", language, error)


def tr(text: str, /, **values: object) -> str:
    """The text in the chosen language, with `{name}` replaced by the values."""
    translated = _chosen.get(text, text)
    return translated.format(**values) if values else translated
