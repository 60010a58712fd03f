"""Generates files from the wire contract (`colorizer.protocol`): run `python -m colorizer_lab.contract` in a clone.

These are the tables of docs/wire.md, and the docker's engines.json: the built-in engine, and how the options that have
their own controls in the docker are shown, for the time before a backend has been asked.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from colorizer.engines import registry
from colorizer.protocol import describe, options
from colorizer.protocol.engines import EngineList

ROOT = Path(__file__).resolve().parents[2]
PAGE = "docs/wire.md"
ENGINES = "krita_colorize/core/engines.json"


def files() -> dict[str, str]:
    """The generated texts by their paths in the repository."""
    return {PAGE: describe.filled((ROOT / PAGE).read_text("utf-8")), ENGINES: _engines()}


def _engines() -> str:
    info = dataclasses.replace(registry.get("match").info, models=())
    shown = {*options.Options.model_fields, *info.options}
    told = EngineList(engines=[info], options=[option for option in options.table() if option.name in shown])
    return json.dumps(told.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for path, text in files().items():
        (ROOT / path).write_text(text, "utf-8")
