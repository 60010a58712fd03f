"""Trains and evaluates Krita Colorize's models, and controls Krita for the demo and the tests.

Artists don't need this package. It is installed separately (`krita-colorize-lab`) and is always available in a clone.
Rooms: `data` (drawings to train on), `training` (one trainer for each recipe), `evaluation` (metrics and benchmarks),
`krita` (Krita with temporary profiles), `release` (zip and wheels), `cli` (the commands that it adds to `colorize`).
"""
