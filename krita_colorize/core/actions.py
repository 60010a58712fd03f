"""The docker's actions, which Krita lists in its keyboard shortcuts, and their default keys.

`krita_colorize.action` has the same data in Krita's format; a test compares both. Krita's own shortcuts aren't changed.
"""

from __future__ import annotations

from dataclasses import dataclass

PREFIX = "krita_colorize_"


@dataclass(frozen=True)
class Action:
    """One action of the docker; in Krita its id is `PREFIX` + `name`."""

    name: str
    text: str
    shortcut: str

    @property
    def id(self) -> str:
        """The action's id in Krita."""
        return PREFIX + self.name


ACTIONS = (
    Action("colorize", "Colorize: colour the sketch", "Ctrl+Alt+K"),
    Action("redo", "Colorize: redo with the masks and hints of now", "Ctrl+Alt+Shift+K"),
    Action("cancel", "Colorize: cancel the job", "Ctrl+Alt+X"),
    Action("apply", "Colorize: apply the selected result", "Ctrl+Alt+P"),
    Action("overlay", "Colorize: show or hide the result on the canvas", "Ctrl+Alt+O"),
    Action("next_result", "Colorize: next result", "Ctrl+Alt+N"),
    Action("previous_result", "Colorize: previous result", "Ctrl+Alt+B"),
    Action("create_mask", "Colorize: create a foreground mask", "Ctrl+Alt+M"),
    Action("create_hints", "Colorize: create a layer for colour hints", "Ctrl+Alt+H"),
    Action("correct", "Colorize: correct colours by clicks", "Ctrl+Alt+E"),
    Action("focus", "Colorize: go to the docker, or back to the canvas", "Ctrl+Alt+U"),
    Action("next_place", "Colorize: next place to check", "Ctrl+Alt+D"),
    Action("previous_place", "Colorize: previous place to check", "Ctrl+Alt+Shift+D"),
)
