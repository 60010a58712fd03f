"""The actions, and what Krita is told about them in its own format."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from krita_colorize.core.actions import ACTIONS

FILE = Path(__file__).parents[2] / "krita_colorize" / "actions" / "krita_colorize.action"


def test_krita_is_told_the_same() -> None:
    told = {
        node.get("name"): (node.findtext("text"), node.findtext("shortcut"))
        for node in ElementTree.parse(FILE).iter("Action")
    }
    assert told == {action.id: (action.text, action.shortcut) for action in ACTIONS}


def test_no_shortcut_is_given_twice() -> None:
    assert len({action.shortcut for action in ACTIONS}) == len(ACTIONS)
