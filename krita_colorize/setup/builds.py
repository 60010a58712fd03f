"""Detects this machine's hardware and chooses the torch build for it from a table (`builds.json`).

The docker's set-up page and the `colorize` script of a clone use this table; a new build is one more entry.
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
    """The hardware of this machine. `accelerators`: the detected ones of `nvidia`, `amd`, `intel`, with their names."""

    system: str  # Linux, Windows, Darwin
    machine: str  # x86_64, aarch64, arm64
    accelerators: tuple[tuple[str, str], ...] = ()
    memory_mb: int = 0  # 0: not known

    @property
    def words(self) -> str:
        """The detected hardware as text."""
        names = [name for _, name in self.accelerators]
        return ", ".join(names) if names else f"{self.system} {self.machine}"


@dataclass(frozen=True)
class Build:
    """One torch build with its sizes, which include all installed packages, rounded up."""

    name: str  # cuda, rocm, xpu, mps, cpu
    title: str
    suffix: str
    """The suffix of torch's version, such as "+cpu"."""
    index: str
    """The address of an additional package index, "" for none."""
    download_mb: int
    disk_mb: int
    memory_mb: int

    def torch(self, version: str) -> str:
        """The requirement for torch."""
        return f"torch=={version}{self.suffix}"


def look() -> Hardware:
    """Detects the hardware of this machine; takes about a second if there is a graphics card."""
    system, machine = platform.system(), platform.machine().lower()
    found = []
    for kind, ask in (("nvidia", _nvidia), ("amd", _amd), ("intel", _intel)):
        name = ask(system)
        if name:
            found.append((kind, name))
    return Hardware(system, _SAME_MACHINE.get(machine, machine), tuple(found), memory_mb())


def fitting(hardware: Hardware) -> tuple[Build, ...]:
    """The builds for this machine, the best first. Raises `UserError` if there is none."""
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
    """Reads builds.json."""
    table: dict[str, Any] = json.loads(TABLE.read_text("utf-8"))
    return table


def torch_version(constraints: Path) -> str:
    """The version of torch with which this program was tested."""
    return constraints.read_text("utf-8").split("torch==")[1].split()[0]


def memory_mb() -> int:
    """This machine's memory in MB; 0 if it isn't known."""
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
    """The name in `GPU 0: NVIDIA GeForce RTX 4070 (UUID: ...)`."""
    lines = _answer("nvidia-smi", "-L").splitlines()
    cards = [line.partition(":")[2].partition("(UUID")[0].strip() for line in lines if line.startswith("GPU")]
    return cards[0] if cards else ""


def _amd(system: str) -> str:
    """The name of an AMD card. ROCm runs only on Linux; the kernel lists the cards that support it."""
    if system != "Linux":
        return ""
    for node in Path("/sys/class/kfd/kfd/topology/nodes").glob("*"):
        if _text(node / "gpu_id") not in ("", "0"):
            return "AMD " + (_text(node / "name") or "GPU")
    return ""


def _intel(system: str) -> str:
    """The name of an Intel Arc card or a newer one; older ones can't run torch's XPU build."""
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
    """The output of a program; "" if it isn't installed or fails."""
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
