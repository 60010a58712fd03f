"""A virtual screen with a window manager, for Krita's window on machines without a display. Linux only.

Starts Xvfb on a free display and openbox on it, and later ends these two processes. Needs no root and no network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from colorizer.krita_host.install import NoScreen


def missing_programs() -> list[str]:
    """The programs that a virtual screen needs and that aren't installed."""
    return [name for name in ("Xvfb", "openbox", "xdotool") if not shutil.which(name)]


@contextmanager
def virtual_screen(width: int = 1600, height: int = 1000) -> Iterator[str]:
    """Runs a virtual screen during the `with` block; yields the display's name, such as ":7"."""
    missing = missing_programs()
    if missing:
        raise NoScreen(
            f"A virtual screen needs {', '.join(missing)}. On Debian: apt install xvfb openbox xdotool."
        )
    server, display = _start_server(width, height)
    manager = _start_manager(display)
    try:
        yield display
    finally:
        _stop(manager)
        _stop(server)


def _start_server(width: int, height: int) -> tuple[subprocess.Popen[bytes], str]:
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL)
    os.close(writer)
    with os.fdopen(reader) as answer:
        number = answer.readline().strip()
    if not number:
        server.wait()
        raise NoScreen("Xvfb couldn't start a virtual screen. Run `Xvfb -displayfd 1` to see why.")
    return server, f":{number}"


def _start_manager(display: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "DISPLAY": display}
    manager = subprocess.Popen(
        ["openbox"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(0.3)
    return manager


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
