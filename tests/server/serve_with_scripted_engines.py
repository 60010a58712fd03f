"""A backend whose worker has the scripted engine; its settings come as JSON in the first argument."""

from __future__ import annotations

import json
import sys
from pathlib import Path

if __name__ == "__main__":
    from colorizer.server.limits import Settings
    from colorizer.server.serve import serve

    command = (sys.executable, str(Path(__file__).with_name("worker_with_scripted_engines.py")))
    sys.exit(serve(settings=Settings(worker_command=command, **json.loads(sys.argv[1]))))
