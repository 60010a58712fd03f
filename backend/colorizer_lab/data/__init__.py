"""Drawings that the project makes itself, to train on: sketch, reference and exact labels by seed.

`drawing.triplet` is the door. Needs skia-python (the `training` extra), imported only when something is drawn.
No picture from outside is read here, except in `art`, which prepares pictures by others.
"""
