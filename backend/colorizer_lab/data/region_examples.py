"""What the reranker of the match network is trained on: the candidate colours of regions, and which are right."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Examples:
    """The candidates of m regions."""

    features: NDArray[np.float32]
    """(m, C, F)."""
    valid: NDArray[np.bool_]
    """(m, C)."""
    right: NDArray[np.bool_]
    """(m, C)."""
    weight: NDArray[np.float32]
    """(m,): the region's share of the picture's judged area."""

    def to_bytes(self) -> bytes:
        """The bytes of an .npz file."""
        stream = io.BytesIO()
        np.savez_compressed(stream, **vars(self))
        return stream.getvalue()

    @classmethod
    def read(cls, file: Path) -> Examples:
        """Reads the result of `to_bytes`."""
        with np.load(file, allow_pickle=False) as stored:
            return cls(**{name: stored[name] for name in ("features", "valid", "right", "weight")})
