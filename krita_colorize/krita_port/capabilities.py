"""The capabilities of this Krita, detected from its classes, not from its version number."""

from __future__ import annotations

from dataclasses import dataclass

from krita import Document, View


@dataclass(frozen=True)
class Capabilities:
    """Differences between versions of Krita for which the port has two implementations."""

    transparency_masks: bool
    """`Document.createTransparencyMask` exists (5.2 and later); before, masks are copied from a template."""

    colorize_masks: bool
    """`Document.createColorizeMask` exists (5.2 and later); before, plugins can't make Colorize Masks."""

    view_transforms: bool
    """`View.flakeToCanvasTransform` exists (5.2 and later); before, the position is computed from the zoom level."""


def probe() -> Capabilities:
    """Detects the capabilities of the running Krita."""
    return Capabilities(
        transparency_masks=hasattr(Document, "createTransparencyMask"),
        colorize_masks=hasattr(Document, "createColorizeMask"),
        view_transforms=hasattr(View, "flakeToCanvasTransform"),
    )
