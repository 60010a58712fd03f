"""`colorize docs`: builds the documentation site with mkdocs, which the extra `docs` installs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from colorizer.errors import ColorizerError

ROOT = Path(__file__).resolve().parents[2]


class NoSite(ColorizerError):
    """The site can't be built."""

    code = "no_site"


def docs(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the site.")] = Path("site"),
) -> None:
    """Build the documentation site from docs/; broken links are errors."""
    if not (ROOT / "mkdocs.yml").is_file():
        raise NoSite(
            "The documentation site can only be built in a clone of the repository. Run ./colorize docs there."
        )
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--clean"]
    done = subprocess.run(
        [*command, "--config-file", str(ROOT / "mkdocs.yml"), "--site-dir", str(out.resolve())],
        capture_output=True,
        text=True,
        check=False,
    )
    if "No module named" in done.stderr:
        raise NoSite(
            'The documentation site needs mkdocs. Install it with `pip install "krita-colorize[docs]"`.'
        )
    if done.returncode != 0:
        raise NoSite(f"The site can't be built: {done.stderr.strip()}")
    print(out / "index.html")
