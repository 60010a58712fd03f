"""The process of a model task, with the tests' own catalogue."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    import small_catalogue
    from colorizer.catalogue.__main__ import main

    small_catalogue.use()
    sys.exit(main())
