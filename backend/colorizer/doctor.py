"""`colorize doctor`: checks this machine and says how to fix what doesn't work."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from colorizer import paths
from colorizer.errors import ColorizerError

NEEDED_MB = 2000
"""Free memory that is enough for a canvas of 2048 x 2048 pixels."""


@dataclass(frozen=True)
class Finding:
    """The result of one check; `advice` says what to do if it doesn't work."""

    name: str
    works: bool
    detail: str
    advice: str = ""
    needed: bool = False
    """Whether colouring is impossible without it."""


def examine() -> list[Finding]:
    """Runs all checks; never raises."""
    checks: Sequence[Callable[[], Finding]] = (
        _python,
        _torch,
        _torchvision,
        _weights,
        _memory,
        _disk,
        _krita,
        _docker,
    )
    return [check() for check in checks]


def usable(findings: Sequence[Finding]) -> bool:
    """Whether pictures can be coloured on this machine."""
    return all(finding.works for finding in findings if finding.needed)


def as_record(findings: Sequence[Finding]) -> dict[str, Any]:
    """The findings as a JSON-serializable record."""
    return {"usable": usable(findings), "findings": [asdict(finding) for finding in findings]}


def as_text(findings: Sequence[Finding]) -> str:
    """The findings as text, a line for each."""
    lines = []
    for finding in findings:
        lines.append(f"{'ok' if finding.works else 'PROBLEM':8} {finding.name}: {finding.detail}")
        if not finding.works:
            lines.append(f"         -> {finding.advice}")
    return "\n".join(lines)


def _python() -> Finding:
    return Finding("Python", True, f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def _torch() -> Finding:
    advice = "Run ./colorize again; it installs the build that fits this machine."
    try:
        from colorizer.engines.runtime.device import choose_device

        return Finding("torch", True, f"{version('torch')}, runs on {choose_device()}", needed=True)
    except (ImportError, OSError, PackageNotFoundError) as error:
        return Finding("torch", False, f"can't be loaded ({error})", advice, needed=True)


def _torchvision() -> Finding:
    there = find_spec("torchvision") is not None
    advice = (
        "Uninstall it from this environment (pip uninstall torchvision): a build that doesn't fit torch breaks other"
        " libraries."
    )
    return Finding(
        "torchvision",
        not there,
        "installed, but not needed" if there else "not installed, as intended",
        advice,
    )


def _weights() -> Finding:
    from colorizer.engines.registry import get

    try:
        engine = get("match")
        engine.load("cpu")
    except (ColorizerError, ImportError) as error:
        return Finding("match engine", False, str(error), "Install the program again.", needed=True)
    return Finding("match engine", True, "its weights are readable", needed=True)


def _memory() -> Finding:
    import psutil

    free = psutil.virtual_memory().available // 2**20
    advice = "Close other programs before colouring large pictures."
    return Finding("memory", free >= NEEDED_MB, f"{free} MB free", advice)


def _disk() -> Finding:
    folder = paths.home()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free // 2**20
    return Finding(
        "disk", free >= 500, f"{free} MB free in {paths.home()}", "Free some disk space for models and logs."
    )


def _krita() -> Finding:
    from colorizer.krita_host.install import find_krita

    program = find_krita()
    advice = "Install Krita 5.1.5 or newer from krita.org or your system's packages."
    return Finding("Krita", program is not None, str(program or "not found"), advice)


def _docker() -> Finding:
    there = (paths.home() / "backend.json").is_file()
    detail = "knows where the backend is" if there else "not installed for this user"
    return Finding("docker", there, detail, "Run ./colorize krita once.")
