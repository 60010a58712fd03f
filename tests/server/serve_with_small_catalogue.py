"""A real backend whose catalogue is the tests' own."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    import small_catalogue
    from colorizer.server.limits import ServerSettings
    from colorizer.server.serve import serve

    small_catalogue.use()
    script = str(Path(__file__).with_name("model_task_with_small_catalogue.py"))
    sys.exit(serve(settings=ServerSettings(model_command=(sys.executable, script))))
