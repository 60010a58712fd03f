"""Safe reading of published weights: safetensors lazily, pickles with `weights_only`, so that no code in them runs."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colorizer.errors import UnusableModel

if TYPE_CHECKING:
    from torch import Tensor

PICKLES = frozenset({".ckpt", ".pt", ".pth", ".bin"})


class Checkpoint:
    """The tensors of a file by published key. Shapes are read at once, tensors on access."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], load: Callable[[str], Tensor]) -> None:
        self.shapes = shapes
        self.load = load


@contextmanager
def open_checkpoint(file: Path) -> Any:
    """Context with the `Checkpoint` of an open file. Raises `UnusableModel` if it cannot be read safely."""
    if file.suffix in PICKLES:
        yield _open_pickle(file)
        return
    from safetensors import SafetensorError, safe_open

    try:
        handle: Any = safe_open(file, framework="pt")
    except (SafetensorError, OSError) as error:
        raise UnusableModel(
            f"{file.name} can't be read as a model: it is damaged, incomplete or of another kind. Download it again."
        ) from error
    with handle:
        shapes = {key: tuple(handle.get_slice(key).get_shape()) for key in handle.keys()}  # noqa: SIM118
        yield Checkpoint(shapes, handle.get_tensor)


def _open_pickle(file: Path) -> Checkpoint:
    import torch

    try:
        with warnings.catch_warnings(action="ignore"):  # about pickle versions
            loaded = torch.load(file, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(file))
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        raise UnusableModel(
            f"{file.name} can't be read as a model: it is damaged, or it contains program code, which is never run."
            " Use the .safetensors file instead."
        ) from error
    state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else None
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise UnusableModel(
            f"{file.name} contains no named tensors, so it isn't a model of this kind. Choose another file."
        )
    return Checkpoint({key: tuple(value.shape) for key, value in state.items()}, state.__getitem__)


def read_tensors(file: Path) -> dict[str, Tensor]:
    """All tensors of a file by name. Raises `UnusableModel` if it cannot be read safely."""
    with open_checkpoint(file) as checkpoint:
        return {key: checkpoint.load(key) for key in checkpoint.shapes}
