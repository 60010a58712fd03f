"""Choice of the torch device, and errors that a device raises."""

from __future__ import annotations

from colorizer.engines.runtime import probe
from colorizer.errors import InvalidInput

DEVICES = ("auto", "cpu", "cuda", "mps", "xpu")


def choose_device(name: str = "auto") -> str:
    """Checks that a device exists on this machine and returns its torch name.

    Args:
        name: one of `DEVICES`; `auto` chooses the first available accelerator, or else the CPU.

    Raises:
        InvalidInput: for an unknown or unavailable device.
    """
    import torch

    if name not in DEVICES:
        raise InvalidInput(f"`device` must be one of {', '.join(DEVICES)}, not {name!r}.")
    there = dict.fromkeys(probe.KINDS, False) | dict.fromkeys(probe.usable(), True)
    there |= {"cpu": True, "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next((device for device in ("cuda", "mps", "xpu") if there[device]), "cpu")
    if not there[name]:
        raise InvalidInput(
            f"No {name} device is available. Use auto or cpu, or install the torch build for it."
        )
    return name


def lost_accelerator(error: BaseException) -> bool:
    """Whether the accelerator itself failed, e.g. after the computer slept. This process can no longer use it then."""
    words = ("cuda error", "hip error", "device_lost", "device lost")
    text = str(error).lower()
    return (
        isinstance(error, RuntimeError) and not ran_out_of_memory(error) and any(one in text for one in words)
    )


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an exception of torch, numpy or the system means that memory ran out."""
    words = ("out of memory", "can't allocate memory", "not enough memory", "insufficient memory")
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(one in text for one in words)
