"""Krita Colorize's docker: colours a sketch layer from a reference picture, inside Krita.

Rooms: `core` (values and rules; no Qt, no Krita), `app` (Qt objects: backend, jobs, document model), `krita_port`
(the only room that imports krita), `setup` (installs the backend), `ui` (widgets). Imports go in one direction:
ui -> app -> setup -> core <- krita_port.
"""

import sys

if "krita" in sys.modules:  # inside Krita, which imports plugins by their name alone
    try:
        from krita_colorize import plugin

        plugin.start()
    except Exception as error:  # noqa: BLE001 - Krita would only show it in its plugin settings
        from krita_colorize.krita_port import unstarted

        unstarted.tell(error)
