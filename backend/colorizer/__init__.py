"""Krita Colorize's backend: colours line art from reference pictures.

Rooms: `server` (HTTP), `engines` (colouring), `catalogue` (models), `imaging` (pictures, lines, regions, palette,
layers), `batch` (folders of pages), `krita_host` (finding Krita and installing the docker), `cli` (the `colorize`
command). Importing any of them starts no work and doesn't import torch. Training and evaluation are in
`colorizer_lab`.
"""

__version__ = "0.1.0"
