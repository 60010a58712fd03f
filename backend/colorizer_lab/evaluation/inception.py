"""Inception v3 for FID (Szegedy et al. 2015, arXiv 1512.00567; Heusel et al. 2017, arXiv 1706.08500): 2048 features.

The weights are those of the original TensorFlow graph, published for PyTorch by the pytorch-fid project. Like that
graph, the network differs from torchvision's Inception in three poolings. Layers have the published file's names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from colorizer.errors import UnusableModel
from torch import Tensor, nn

SIDE = 299
"""Side of the input pictures, px."""
WEIGHTS = "inception.safetensors"
Kernel = int | tuple[int, int]
Row = tuple[str, int, Kernel]
"""Name, channels and kernel of a convolution that keeps the size."""


class Convolution(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(
        self, inside: int, outside: int, kernel: Kernel, *, stride: int = 1, pad: bool = True
    ) -> None:
        super().__init__()
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (height // 2, width // 2) if pad else 0
        self.conv = nn.Conv2d(inside, outside, (height, width), stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outside, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w)."""
        normed: Tensor = self.bn(self.conv(x))
        return F.relu(normed)


def averaged(x: Tensor) -> Tensor:
    """3 x 3 average pooling that does not count the padding."""
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def largest(x: Tensor) -> Tensor:
    """3 x 3 max pooling."""
    return F.max_pool2d(x, 3, 1, 1)


def halved(x: Tensor) -> Tensor:
    """3 x 3 max pooling with stride 2."""
    return F.max_pool2d(x, 3, 2)


class Mixed(nn.Module):
    """Parallel chains of convolutions and a pooling, concatenated."""

    def __init__(
        self,
        inside: int,
        chains: Sequence[Sequence[Row]],
        pool: Callable[[Tensor], Tensor],
        *,
        halve: bool = False,
    ) -> None:
        super().__init__()
        self.pool = pool
        self.chains = [[row[0] for row in chain] for chain in chains]
        for chain in chains:
            width = inside
            for name, channels, kernel in chain:
                last = halve and name == chain[-1][0]
                layer = Convolution(width, channels, kernel, stride=2 if last else 1, pad=not last)
                self.add_module(name, layer)
                width = channels

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w)."""
        found = []
        for names in self.chains:
            y = self.pool(x) if names == ["branch_pool"] else x
            for name in names:
                y = self.get_submodule(name)(y)
            found.append(y)
        return torch.cat(found if self.chains[-1] == ["branch_pool"] else [*found, self.pool(x)], 1)


class Split(nn.Module):
    """The last two blocks: some chains end in a 1 x 3 and a 3 x 1 convolution in parallel."""

    def __init__(self, inside: int, pool: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.pool = pool
        self.branch1x1 = Convolution(inside, 320, 1)
        self.branch3x3_1 = Convolution(inside, 384, 1)
        self.branch3x3_2a = Convolution(384, 384, (1, 3))
        self.branch3x3_2b = Convolution(384, 384, (3, 1))
        self.branch3x3dbl_1 = Convolution(inside, 448, 1)
        self.branch3x3dbl_2 = Convolution(448, 384, 3)
        self.branch3x3dbl_3a = Convolution(384, 384, (1, 3))
        self.branch3x3dbl_3b = Convolution(384, 384, (3, 1))
        self.branch_pool = Convolution(inside, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to (B, 2048, h, w)."""
        once, twice = self.branch3x3_1(x), self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        found = [
            *(self.branch1x1(x), self.branch3x3_2a(once), self.branch3x3_2b(once)),
            *(self.branch3x3dbl_3a(twice), self.branch3x3dbl_3b(twice), self.branch_pool(self.pool(x))),
        ]
        return torch.cat(found, 1)


def fine(inside: int, pooled: int) -> Mixed:
    """A block at 35 x 35 px."""
    doubled: list[Row] = [("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3)]
    chains: list[list[Row]] = [
        [("branch1x1", 64, 1)],
        [("branch5x5_1", 48, 1), ("branch5x5_2", 64, 5)],
        doubled,
        [("branch_pool", pooled, 1)],
    ]
    return Mixed(inside, chains, averaged)


def middle(width: int) -> Mixed:
    """A block at 17 x 17 px."""
    wide, high = (1, 7), (7, 1)
    doubled: list[Row] = [("branch7x7dbl_1", width, 1), ("branch7x7dbl_2", width, high)]
    doubled += [
        ("branch7x7dbl_3", width, wide),
        ("branch7x7dbl_4", width, high),
        ("branch7x7dbl_5", 192, wide),
    ]
    chains: list[list[Row]] = [
        [("branch1x1", 192, 1)],
        [("branch7x7_1", width, 1), ("branch7x7_2", width, wide), ("branch7x7_3", 192, high)],
        doubled,
        [("branch_pool", 192, 1)],
    ]
    return Mixed(768, chains, averaged)


class Inception(nn.Sequential):
    """Maps RGB (B, 3, 299, 299) in [-1, 1] to features (B, 2048)."""

    def __init__(self) -> None:
        super().__init__()
        for name, layer in _layers().items():
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        for name, layer in self.named_children():
            x = layer(x)
            if name in ("Conv2d_2b_3x3", "Conv2d_4a_3x3"):
                x = halved(x)
        return x.mean((2, 3))


def _layers() -> dict[str, nn.Module]:
    small: list[Row] = [("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3)]
    deep: list[Row] = [("branch7x7x3_1", 192, 1), ("branch7x7x3_2", 192, (1, 7))]
    deep += [("branch7x7x3_3", 192, (7, 1)), ("branch7x7x3_4", 192, 3)]
    return {
        "Conv2d_1a_3x3": Convolution(3, 32, 3, stride=2, pad=False),
        "Conv2d_2a_3x3": Convolution(32, 32, 3, pad=False),
        "Conv2d_2b_3x3": Convolution(32, 64, 3),
        "Conv2d_3b_1x1": Convolution(64, 80, 1),
        "Conv2d_4a_3x3": Convolution(80, 192, 3, pad=False),
        "Mixed_5b": fine(192, 32),
        "Mixed_5c": fine(256, 64),
        "Mixed_5d": fine(288, 64),
        "Mixed_6a": Mixed(288, [[("branch3x3", 384, 3)], small], halved, halve=True),
        **{
            f"Mixed_6{letter}": middle(width)
            for letter, width in zip("bcde", (128, 160, 160, 192), strict=True)
        },
        "Mixed_7a": Mixed(
            768, [[("branch3x3_1", 192, 1), ("branch3x3_2", 320, 3)], deep], halved, halve=True
        ),
        "Mixed_7b": Split(1280, averaged),
        "Mixed_7c": Split(2048, largest),
    }


def load(state: Mapping[str, Tensor]) -> Inception:
    """Loads the network from the published file's tensors. Raises `UnusableModel` for other tensors."""
    with torch.device("meta"):
        network = Inception()
    kept = {key: value for key, value in state.items() if not key.startswith("fc.")}
    try:
        network.load_state_dict(kept, assign=True)
    except RuntimeError as error:
        raise UnusableModel(
            "This isn't the Inception network for FID: tensors are missing, superfluous or of another size."
            " Choose pytorch-fid's file."
        ) from error
    return network.eval()


def convert(file: Path, folder: Path) -> None:
    """Writes the published file as a model folder. Raises `UnusableModel` if it is incomplete."""
    from colorizer.engines.checkpoints import read_tensors
    from safetensors.torch import save_file

    network = load(read_tensors(file))
    folder.mkdir()
    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, folder / WEIGHTS)
