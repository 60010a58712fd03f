"""A worker process that has the scripted engine and no other; only the tests' servers start it."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    from colorizer.engines import registry
    from colorizer.server import worker

    registry.ENTRIES.clear()
    registry.ENTRIES["scripted"] = "scripted_engines:ScriptedEngine"
    worker.main()
