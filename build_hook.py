"""Puts the resources and the docker into the wheel; in a clone they are used where they lie."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ResourcesHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling is only there while building
    """Adds what isn't Python of the backend to a released wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before a build; `version` is "editable" for a clone's own environment."""
        if version == "standard":
            build_data["force_include"] = {
                "resources": "colorizer/resources",
                "docs/manual.md": "colorizer/resources/manual/manual.md",
                "docs/pictures": "colorizer/resources/manual/pictures",
                "krita_colorize": "colorizer/resources/plugin/krita_colorize",
                "colorize.desktop": "colorizer/resources/plugin/colorize.desktop",
            }
