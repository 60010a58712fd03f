"""A backend whose worker has the scripted engine; its settings come as JSON in the first argument.

A second argument is the address to listen on for other machines.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

if __name__ == "__main__":
    from colorizer.server.limits import ServerSettings
    from colorizer.server.serve import read_address, serve

    command = (sys.executable, str(Path(__file__).with_name("worker_with_scripted_engines.py")))
    listen = read_address(sys.argv[2]) if sys.argv[2:] else None
    sys.exit(serve(listen=listen, settings=ServerSettings(worker_command=command, **json.loads(sys.argv[1]))))
