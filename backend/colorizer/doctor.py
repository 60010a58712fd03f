"""Checks this machine and advises on what doesn't work: `colorize doctor`."""

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
"""Free memory with which a 2048 px canvas is comfortable."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `advice` says what to do where it doesn't work."""

    name: str
    works: bool
    detail: str
    advice: str = ""
    needed: bool = False
    """Whether nothing can be coloured without it."""


def examine() -> list[Finding]:
    """Looks at everything; never raises."""
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
    """Whether pictures can be coloured here."""
    return all(finding.works for finding in findings if finding.needed)


def as_record(findings: Sequence[Finding]) -> dict[str, Any]:
    """The findings as JSON values."""
    return {"usable": usable(findings), "findings": [asdict(finding) for finding in findings]}


def as_text(findings: Sequence[Finding]) -> str:
    """The findings as lines for people."""
    lines = []
    for finding in findings:
        lines.append(f"{'works' if finding.works else 'LACKS':6} {finding.name}: {finding.detail}")
        if not finding.works:
            lines.append(f"       -> {finding.advice}")
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
    advice = "Take it out of this environment (pip uninstall torchvision): builds that don't fit break other libraries."
    return Finding(
        "torchvision", not there, "there, and not needed" if there else "absent, as it should be", advice
    )


def _weights() -> Finding:
    from colorizer.engines.registry import get

    try:
        engine = get("match")
        engine.load("cpu")
    except (ColorizerError, ImportError) as error:
        return Finding("match engine", False, str(error), "Get a complete copy of the program.", needed=True)
    return Finding("match engine", True, "built in, its weights can be read", needed=True)


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
    return Finding("disk", free >= 500, f"{free} MB free in {paths.home()}", "Make room for logs and models.")


def _krita() -> Finding:
    from colorizer.krita_host.install import find_krita

    program = find_krita()
    advice = "Install Krita 5.1.5 or newer from krita.org or your system's packages."
    return Finding("Krita", program is not None, str(program or "not found"), advice)


def _docker() -> Finding:
    there = (paths.home() / "backend.json").is_file()
    detail = "knows where the backend is" if there else "not installed for this user"
    return Finding("docker", there, detail, "Run ./colorize krita once.")
