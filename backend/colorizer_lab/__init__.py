"""The workshop: trains and evaluates Krita Colorize's own models, and drives Krita for the demo and the tests.

Nothing an artist runs needs this package; it is installed on its own (`krita-colorize-lab`), and is always there in a
clone. Rooms: `data` (drawings to train on), `training` (one trainer for each recipe), `evaluation` (figures),
`krita` (Krita in throw-away profiles), `release` (zip and wheels), `cli` (what it adds to the `colorize` command).
"""
