"""`python -m krita_colorize.setup`: installs the backend like the docker's set-up page, without Krita.

It prints a line of JSON for every step. The exit status is 0, or 1 with a sentence on stderr.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from dataclasses import asdict
from pathlib import Path

from krita_colorize.core.errors import UserError
from krita_colorize.setup import builds, install


def main(arguments: list[str]) -> int:
    """Installs into the given home folder; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m krita_colorize.setup", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="COLORIZE_HOME")
    parser.add_argument(
        "--folder", type=Path, help="use the wheels in this folder instead of downloading them"
    )
    parser.add_argument("--build", help="cuda, rocm, xpu, mps or cpu; default: the best for this machine")
    parser.add_argument(
        "--bundle", type=Path, default=install.BUNDLE, help="the backend's wheel and constraints"
    )
    options = parser.parse_args(arguments)
    try:
        fitting = builds.fitting(builds.look())
        build = next((b for b in fitting if b.name == options.build), fitting[0])
        order = install.Order(options.home, build, options.folder, options.bundle)
        install.install(order, lambda now: print(json.dumps(asdict(now)), flush=True), threading.Event())  # noqa: T201
    except UserError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
