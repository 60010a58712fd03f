"""How large a picture may be, in every room. Numbers only; checked in `pictures` (files) and `colorizer.server`."""

MAX_SIDE = 16_384
"""Longest side of a canvas or picture, px."""
MAX_PIXELS = 268_435_456
