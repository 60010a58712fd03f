"""Detects this machine's hardware and chooses the torch build for it from a table (`builds.json`).

The docker's set-up page and the `colorize` script of a clone both choose from it; a new build is one more entry.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from krita_colorize.core.errors import UserError

TABLE = Path(__file__).with_name("builds.json")
NO_BUILD = (
    "Nothing that Krita Colorize needs (torch) is published for this kind of computer. "
    "A 64-bit PC with Linux or Windows, or a Mac with Apple silicon is needed."
)

_PATIENCE_S = 20
_SAME_MACHINE = {"amd64": "x86_64", "x64": "x86_64", "arm64": "arm64", "aarch64": "aarch64"}


@dataclass(frozen=True)
class Hardware:
    """What this machine has. `accelerators`: of `nvidia`, `amd`, `intel`, those that answered, with their names."""

    system: str  # Linux, Windows, Darwin
    machine: str  # x86_64, aarch64, arm64
    accelerators: tuple[tuple[str, str], ...] = ()
    memory_mb: int = 0  # 0: not known

    @property
    def words(self) -> str:
        """What was found, for people."""
        names = [name for _, name in self.accelerators]
        return ", ".join(names) if names else f"{self.system} {self.machine}"


@dataclass(frozen=True)
class Build:
    """One torch build and what it costs; the sizes are of everything that is installed, rounded up."""

    name: str  # cuda, rocm, xpu, mps, cpu
    title: str
    suffix: str
    """Of torch's version, "+cpu"."""
    index: str
    """The address of a package index beside PyPI, "" for none."""
    download_mb: int
    disk_mb: int
    memory_mb: int

    def torch(self, version: str) -> str:
        """The requirement for torch."""
        return f"torch=={version}{self.suffix}"


def look() -> Hardware:
    """Looks at this machine; takes a second where a graphics card has to be asked."""
    system, machine = platform.system(), platform.machine().lower()
    found = []
    for kind, ask in (("nvidia", _nvidia), ("amd", _amd), ("intel", _intel)):
        name = ask(system)
        if name:
            found.append((kind, name))
    return Hardware(system, _SAME_MACHINE.get(machine, machine), tuple(found), memory_mb())


def fitting(hardware: Hardware) -> tuple[Build, ...]:
    """The builds that run here, the best first. Raises `UserError` where there is none."""
    table = read_table()
    has = {"", *(kind for kind, _ in hardware.accelerators)}
    builds = tuple(
        _build(row, table["index"])
        for row in table["builds"]
        if hardware.system in row["systems"] and hardware.machine in row["machines"] and row["needs"] in has
    )
    if not builds:
        raise UserError(NO_BUILD)
    return builds


def read_table() -> dict[str, Any]:
    """builds.json."""
    table: dict[str, Any] = json.loads(TABLE.read_text("utf-8"))
    return table


def torch_version(constraints: Path) -> str:
    """The torch this version was tested with."""
    return constraints.read_text("utf-8").split("torch==")[1].split()[0]


def memory_mb() -> int:
    """This machine's memory; 0 where it can't be told."""
    try:
        if os.name == "nt":
            return _windows_memory_mb()
        return int(os.sysconf("SC_PHYS_PAGES")) * int(os.sysconf("SC_PAGE_SIZE")) // 2**20
    except (OSError, ValueError, AttributeError):
        return 0


def _build(row: dict[str, Any], index: str) -> Build:
    address = index + row["index"] if row["index"] else ""
    sizes = (row["download_mb"], row["disk_mb"], row["memory_mb"])
    return Build(row["name"], row["title"], row["suffix"], address, *sizes)


def _nvidia(_system: str) -> str:
    """`GPU 0: NVIDIA GeForce RTX 4070 (UUID: ...)` -> its name."""
    lines = _answer("nvidia-smi", "-L").splitlines()
    cards = [line.partition(":")[2].partition("(UUID")[0].strip() for line in lines if line.startswith("GPU")]
    return cards[0] if cards else ""


def _amd(system: str) -> str:
    """ROCm runs on Linux alone; the kernel lists the cards that can compute."""
    if system != "Linux":
        return ""
    for node in Path("/sys/class/kfd/kfd/topology/nodes").glob("*"):
        if _text(node / "gpu_id") not in ("", "0"):
            return "AMD " + (_text(node / "name") or "GPU")
    return ""


def _intel(system: str) -> str:
    """Cards of the Arc kind and newer; older graphics can't run torch's XPU build."""
    if system == "Linux":
        return "Intel graphics" if list(Path("/sys/bus/pci/drivers/xe").glob("*:*:*")) else ""
    if system == "Windows":
        query = "(Get-CimInstance Win32_VideoController).Name"
        names = _answer("powershell", "-NoProfile", "-Command", query).splitlines()
        return next((name.strip() for name in names if "Intel" in name and "Arc" in name), "")
    return ""


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except OSError:
        return ""


def _answer(*command: str, which: Callable[[str], str | None] = shutil.which) -> str:
    """What a program prints, "" where it isn't there or fails."""
    if not which(command[0]):
        return ""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _windows_memory_mb() -> int:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            ("total", ctypes.c_ulonglong),
            ("rest", ctypes.c_ulonglong * 6),
        )

    status = Status(length=ctypes.sizeof(Status))
    ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # type: ignore[attr-defined, unused-ignore]
    return int(status.total) // 2**20
