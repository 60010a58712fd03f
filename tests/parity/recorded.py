"""Reading the recorded fixtures of AnimeDiffusion and ColorFlow, and remembering how far ours are from them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

# The published numbers were made where MKL takes this path. Elsewhere its exp() differs in the last bit of one
# frequency of the time embedding, 3e-5 at time 999, for the published programs as well. MKL reads it at its first call.
os.environ.setdefault("MKL_CBWR", "AVX")

FORWARD = 2e-5
SAMPLING = 1e-4


class Fixture:
    """One folder of arrays and weights that a published program left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = json.loads((folder / "config.json").read_text("utf-8"))

    @cached_property
    def arrays(self) -> dict[str, torch.Tensor]:
        with np.load(self.folder / "cases.npz") as file:
            return {name: torch.from_numpy(file[name]) for name in file.files}

    def weights(self, name: str) -> dict[str, torch.Tensor]:
        state = load_file(self.folder / name)
        return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}

    def keys(self, name: str = "full_keys.json") -> dict[str, list]:
        return json.loads((self.folder / name).read_text("utf-8"))["keys"]

    def cases(self, prefix: str) -> Iterator[str]:
        """Names of the cases `prefix...` in the arrays: what stands before the first dot after it."""
        names = {
            prefix + name[len(prefix) :].split(".")[0] for name in self.arrays if name.startswith(prefix)
        }
        return iter(sorted(names))

    def check(
        self,
        case: str,
        got: torch.Tensor | np.ndarray,
        want: torch.Tensor | str,
        limit: float,
        rounding: float = 0,
    ) -> None:
        """Compares and remembers.

        Args:
            want: an array or its name.
            limit: largest absolute difference; of floats larger than 1, a share of the largest.
            rounding: what single precision alone changes in this case, measured on our side; random weights can make it
                larger than any limit, and the published numbers hold as much of it.
        """
        want = self.arrays[want] if isinstance(want, str) else want
        got = torch.from_numpy(got.copy()) if isinstance(got, np.ndarray) else got
        assert got.shape == want.shape, f"{case}: {tuple(got.shape)} is not {tuple(want.shape)}"
        difference = float((got.double() - want.double()).abs().max())
        if want.is_floating_point():
            limit = max(limit * max(1.0, float(want.double().abs().max())), 2 * rounding)
        print(f"{difference:9.2e}  (limit {limit:.1e})  {self.folder.name}: {case}")
        assert difference <= limit, f"{case}: {difference:.3g} > {limit:.3g}"


@cache
def open_fixture(folder: Path) -> Fixture:
    return Fixture(folder)
