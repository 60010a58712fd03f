"""What this Krita can do, found by looking at its classes, never at its version number."""

from __future__ import annotations

from dataclasses import dataclass

from krita import Document, View


@dataclass(frozen=True)
class Capabilities:
    """Differences between Kritas that the port has two ways for."""

    transparency_masks: bool
    """`Document.createTransparencyMask` exists (5.2 and later); before, masks are copied from a template."""

    colorize_masks: bool
    """`Document.createColorizeMask` exists (5.2 and later); before, nobody but the artist can make one."""

    view_transforms: bool
    """`View.flakeToCanvasTransform` exists (5.2 and later); before, the zoom level tells where the picture is."""


def probe() -> Capabilities:
    """Looks at the running Krita."""
    return Capabilities(
        transparency_masks=hasattr(Document, "createTransparencyMask"),
        colorize_masks=hasattr(Document, "createColorizeMask"),
        view_transforms=hasattr(View, "flakeToCanvasTransform"),
    )
