"""Krita Colorize's backend: colours line art from reference pictures.

Rooms: `server` (HTTP), `engines` (what colours), `imaging` (pictures, lines, regions, palette, layers), `data`
and `training` (our own drawings and the networks made from them), `evaluation` (figures), `krita_host` (finding
and starting Krita), `cli` (the `colorize` command). Importing any of them starts nothing and loads no torch.
"""

__version__ = "0.1.0"
