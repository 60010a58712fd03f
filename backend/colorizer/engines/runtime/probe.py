"""Queries torch for accelerators in a child process, because a broken driver can crash the process that queries it."""

from __future__ import annotations

import functools
import subprocess
import sys

PATIENCE_S = 120
KINDS = ("cuda", "xpu")

_QUESTION = """
import sys, torch
for kind in sys.argv[1:]:
    module = getattr(torch, kind)
    if module.is_available():
        torch.zeros(1, device=kind).cpu()
        print(kind, flush=True)
print("done", flush=True)
"""


@functools.cache
def usable() -> frozenset[str]:
    """The kinds of accelerators that work. With a CPU-only build of torch, no child process is started."""
    return _answers()[0]


def failure() -> str:
    """A message for the artist if the query crashed or timed out; else empty."""
    if _answers()[1]:
        return ""
    return (
        "The graphics card can't be used: its driver crashed. The CPU is used instead, which takes longer. "
        "Update the graphics driver, then restart Krita."
    )


@functools.cache
def _answers() -> tuple[frozenset[str], bool]:
    """The kinds that work, and whether the query was completed."""
    import torch

    version = torch.version
    built = {"cuda": version.cuda or version.hip, "xpu": getattr(version, "xpu", None)}
    kinds = [kind for kind in KINDS if built[kind]]
    if not kinds:
        return frozenset(), True
    try:
        done = subprocess.run(
            [sys.executable, "-c", _QUESTION, *kinds],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        text = getattr(error, "stdout", None) or b""
        said = text.decode(errors="replace") if isinstance(text, bytes) else text
    else:
        said = done.stdout
    words = said.split()
    found = frozenset(words) & frozenset(kinds)
    if "cuda" not in found:
        # Libraries query CUDA too and would crash this process.
        torch.cuda.is_available = lambda: False
    return found, "done" in words
