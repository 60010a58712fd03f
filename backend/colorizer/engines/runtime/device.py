"""Which torch device the work runs on."""

from __future__ import annotations

from colorizer.engines.runtime import probe
from colorizer.errors import InvalidInput

DEVICES = ("auto", "cpu", "cuda", "mps", "xpu")


def choose_device(name: str = "auto") -> str:
    """Checks a device name against this machine; `auto` takes the first accelerator there is, else the CPU.

    Raises `InvalidInput` for an unknown device and for one that isn't there.
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
            f"There is no {name} device here. Use auto or cpu, or install the torch build for it."
        )
    return name


def lost_accelerator(error: BaseException) -> bool:
    """Whether the accelerator itself failed, as it may after the computer slept; this process can't use it any more."""
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
