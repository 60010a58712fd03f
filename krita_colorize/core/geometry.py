"""Crops, pads and pastes rectangles of pixels."""

from __future__ import annotations

from krita_colorize.core.port import Pixels


def placed(pixels: Pixels, x: int, y: int, width: int, height: int) -> Pixels:
    """Crops and pads a picture or mask to another rectangle; the padding is 0 (transparent, background)."""
    if (pixels.x, pixels.y, pixels.width, pixels.height) == (x, y, width, height):
        return pixels
    channels = pixels.channels or 1
    left, right = max(x, pixels.x), min(x + width, pixels.x + pixels.width)
    top, bottom = max(y, pixels.y), min(y + height, pixels.y + pixels.height)
    empty_row = bytes(width * channels)
    if left >= right or top >= bottom:
        return Pixels(width, height, empty_row * height, x, y)
    before, behind = bytes((left - x) * channels), bytes((x + width - right) * channels)
    stride = pixels.width * channels
    rows: list[bytes | bytearray] = [empty_row] * (top - y)
    for row in range(top - pixels.y, bottom - pixels.y):
        start = row * stride + (left - pixels.x) * channels
        rows += (before, pixels.data[start : start + (right - left) * channels], behind)
    rows += [empty_row] * (y + height - bottom)
    return Pixels(width, height, b"".join(rows), x, y)


def pasted(canvas: Pixels, part: Pixels) -> Pixels:
    """Pastes a part, which must be inside the canvas, onto a copy of the canvas."""
    data, channels = bytearray(canvas.data), canvas.channels or 1
    stride, length = canvas.width * channels, part.width * channels
    for row in range(part.height):
        start = (part.y - canvas.y + row) * stride + (part.x - canvas.x) * channels
        data[start : start + length] = part.data[row * length : (row + 1) * length]
    return Pixels(canvas.width, canvas.height, data, canvas.x, canvas.y)
