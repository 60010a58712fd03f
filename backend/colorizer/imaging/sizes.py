"""The limits of a picture's size; `pictures` checks them for files, `colorizer.server` for requests."""

MAX_SIDE = 16_384
"""Longest side of a canvas or picture, in pixels."""
MAX_PIXELS = 268_435_456
