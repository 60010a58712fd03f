"""Writes OpenRaster files (https://www.openraster.org): the result as a group of layers below the artist's lines.

OpenRaster has neither masks nor clipping, so both are multiplied into a layer's alpha; the hidden colours stay in the
file.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np

from colorizer.files import atomic_file
from colorizer.imaging.layers import coverage, flatten, lines_layer, preview, with_lines
from colorizer.imaging.pictures import encode_png
from colorizer.imaging.values import Blend, Layer, Picture

_OPERATORS = {
    Blend.NORMAL: "svg:src-over",
    Blend.MULTIPLY: "svg:multiply",
    Blend.SCREEN: "svg:screen",
    Blend.ADDITION: "svg:plus",
}
_THUMBNAIL_SIDE = 256


def write_openraster(
    path: str | Path,
    layers: Sequence[Layer],
    sketch: Picture,
    *,
    name: str = "Colorized",
    hidden: Sequence[Layer] = (),
) -> None:
    """Atomically writes one group called `name` with `layers` (bottom to top) and, above it, the sketch as `Lines`.

    The `hidden` layers are invisible and at the top. The sketch's pixels are stored unchanged.
    """
    path = Path(path)
    with atomic_file(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        _write(archive, layers, sketch, name, hidden)


def _write(
    archive: zipfile.ZipFile, layers: Sequence[Layer], sketch: Picture, name: str, hidden: Sequence[Layer]
) -> None:
    height, width = sketch.shape[:2]
    # The standard requires the type as the first entry, uncompressed. PNGs are already compressed.
    archive.writestr(_entry("mimetype"), "image/openraster")
    image = ElementTree.Element("image", version="0.0.3", w=str(width), h=str(height), xres="72", yres="72")
    stack = ElementTree.SubElement(image, "stack")
    for index, layer in enumerate(hidden):
        _add(archive, stack, layer, f"data/hidden{index:03d}.png", visible=False)
    _add(archive, stack, lines_layer(sketch), "data/lines.png")
    group = ElementTree.SubElement(stack, "stack", name=name, opacity="1.0", visibility="visible")
    group.set("composite-op", _OPERATORS[Blend.NORMAL])
    group.set("isolation", "isolate")
    for index in reversed(range(len(layers))):
        layer = _baked(layers[index], layers[:index])
        _add(archive, group, layer, f"data/layer{index:03d}.png")
    text = ElementTree.tostring(image, encoding="utf-8", xml_declaration=True)
    archive.writestr(_entry("stack.xml"), text, zipfile.ZIP_DEFLATED)
    archive.writestr(_entry("mergedimage.png"), encode_png(with_lines(layers, sketch)))
    archive.writestr(_entry("Thumbnails/thumbnail.png"), encode_png(preview(layers, sketch, _THUMBNAIL_SIDE)))


def _entry(file: str) -> zipfile.ZipInfo:
    """An entry of the archive with a fixed time stamp, so that the same result gives the same bytes."""
    return zipfile.ZipInfo(file, date_time=(1980, 1, 1, 0, 0, 0))


def _add(
    archive: zipfile.ZipFile, parent: ElementTree.Element, layer: Layer, file: str, *, visible: bool = True
) -> None:
    entry = ElementTree.SubElement(parent, "layer", name=layer.name, src=file)
    entry.set("visibility", "visible" if visible else "hidden")
    entry.set("x", str(layer.x))
    entry.set("y", str(layer.y))
    entry.set("opacity", f"{layer.opacity:g}")
    entry.set("composite-op", _OPERATORS[layer.blend])
    archive.writestr(_entry(file), encode_png(layer.pixels))


def _baked(layer: Layer, below: Sequence[Layer]) -> Layer:
    """The layer with its mask and, if it is clipped, the alpha of the layers below multiplied into its own alpha."""
    if layer.mask is None and not layer.clip:
        return layer
    alpha = coverage(layer)
    if layer.clip:
        rows, columns = alpha.shape
        moved = [replace(other, x=other.x - layer.x, y=other.y - layer.y) for other in below]
        alpha = cv2.multiply(
            alpha, np.ascontiguousarray(flatten(moved, columns, rows)[..., 3]), scale=1 / 255
        )
    return replace(layer, pixels=np.dstack([layer.pixels[..., :3], alpha]), mask=None, clip=False)
