"""Procedural drawings for training: sketch, reference and exact labels, generated from a seed.

The entry point is `drawing.triplet`. It needs skia-python (the `training` extra), which is imported only when something
is drawn. No existing pictures are read, except in `art`, which prepares pictures by others.
"""
